import { TerminalError } from '@chimera/contracts/errors'
import { Memory } from '@chimera/contracts/judging/memory'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'

const BATCH = 500
const Line = z.strictObject({ tenant_id: z.uuid(), memory: Memory })

/**
 * Has the Keeper bring memories of a backup into whatever memory there is, by the row that each
 * memory waits in: what is there under an id stays, so that it may be restored twice. Answers how
 * many wait now. The labels that the Judge goes by are the record's own.
 */
export async function loadMemories(of: {
  sql: Sql
  lines: AsyncIterable<string>
}): Promise<number> {
  let count = 0
  let batch: z.infer<typeof Line>[] = []
  const flush = async (): Promise<void> => {
    count += await insert(of.sql, batch)
    batch = []
  }
  for await (const line of of.lines) {
    batch.push(parseLine(line))
    if (batch.length >= BATCH) await flush()
  }
  await flush()
  return count
}

function parseLine(line: string): z.infer<typeof Line> {
  try {
    return Line.parse(JSON.parse(line))
  } catch (cause) {
    throw new TerminalError('BACKUP_INVALID', 'A line of the memories holds no memory.', { cause })
  }
}

async function insert(sql: Sql, batch: readonly z.infer<typeof Line>[]): Promise<number> {
  if (batch.length === 0) return 0
  const rows = await sql.query({
    text: `INSERT INTO memory_outbox (tenant_id, id, memory)
      SELECT r.tenant_id, (r.memory ->> 'id')::uuid, r.memory
      FROM jsonb_to_recordset($1::jsonb) AS r(tenant_id uuid, memory jsonb)
      WHERE EXISTS (SELECT FROM tenants t WHERE t.id = r.tenant_id)
      ON CONFLICT DO NOTHING RETURNING 1`,
    values: [JSON.stringify(batch)],
  })
  return rows.length
}
