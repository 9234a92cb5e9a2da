import type { Memory } from '@chimera/contracts/judging/memory'

import type { Sql } from '../open-database.ts'
import { IS_KEPT, MEMORY_COLUMNS, memoryOf, type MemoryRow } from './memory-row.ts'

/** Memories of a tenant, or of one agent of it, newest first by id. */
export async function listMemories(
  sql: Sql,
  of: {
    tenantId: string
    agentId?: string | undefined
    before?: string | undefined
    limit: number
  },
): Promise<Memory[]> {
  const rows = await sql.query<MemoryRow>({
    text: `SELECT ${MEMORY_COLUMNS} FROM memories
      WHERE tenant_id = $1 AND ($2::text IS NULL OR agent_id = $2)
        AND ($3::uuid IS NULL OR id < $3) AND ${IS_KEPT}
      ORDER BY id DESC LIMIT $4`,
    values: [of.tenantId, of.agentId ?? null, of.before ?? null, of.limit],
  })
  return rows.map(memoryOf)
}

/** Memories of a tenant by their ids, the newest first. */
export async function readMemories(
  sql: Sql,
  of: { tenantId: string; ids: readonly string[] },
): Promise<Memory[]> {
  const rows = await sql.query<MemoryRow>({
    name: 'read-memories',
    text: `SELECT ${MEMORY_COLUMNS} FROM memories
      WHERE tenant_id = $1 AND id = ANY ($2::uuid[]) AND ${IS_KEPT}
      ORDER BY id DESC`,
    values: [of.tenantId, of.ids],
  })
  return rows.map(memoryOf)
}
