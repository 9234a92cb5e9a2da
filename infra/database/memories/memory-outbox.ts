import { newId } from '@chimera/contracts/ids'
import { Memory } from '@chimera/contracts/judging/memory'

import type { Database, Sql } from '../open-database.ts'
import { findSweptPage, type FoundKey, readSwept, type SweepPage } from '../sweeps/read-swept.ts'
import { sqlOf } from '../tenant-database.ts'

/** A memory of a tenant on its way. */
export type Posted = Readonly<{ tenantId: string; memory: Memory }>

/**
 * Writes down what is to be remembered, in the transaction that decides it; no statement when
 * there is nothing. The time is the database's.
 */
export async function insertLessons(
  tx: Sql,
  lessons: readonly { tenantId: string; memory: Omit<Memory, 'id' | 'timestamp'> }[],
): Promise<void> {
  if (lessons.length === 0) return
  await tx.query({
    name: 'insert-lessons',
    text: `WITH new AS (
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::jsonb[]) AS n(tenant_id, id, memory)
      ), labelled AS (
        INSERT INTO memory_labels (tenant_id, id, label)
        SELECT tenant_id, id, memory ->> 'label' FROM new
      )
      INSERT INTO memory_outbox (tenant_id, id, memory)
      SELECT tenant_id, id, memory || jsonb_build_object('timestamp',
        to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) FROM new`,
    values: [
      lessons.map(({ tenantId }) => tenantId),
      ...toColumns(lessons.map(({ memory }) => ({ id: newId(), ...memory }))),
    ],
  })
}

const toColumns = (memories: readonly { id: string }[]): [string[], string[]] => [
  memories.map(({ id }) => id),
  memories.map((memory) => JSON.stringify(memory)),
]

/** A page of what is due, of whatever tenant, the longest first. */
export async function findPosted(
  database: Database,
  of: SweepPage,
): Promise<{ posted: Posted[]; after: FoundKey | null }> {
  const { found, after } = await findSweptPage(database, { ...of, by: 'memories_due' })
  const rows = await readSwept<{ tenant_id: string; memory: unknown }>(database, found, (ids) => ({
    name: 'read-posted',
    text: `SELECT tenant_id, memory FROM memory_outbox
      WHERE id = ANY ($1::uuid[]) AND run_at <= now() ORDER BY tenant_id, id`,
    values: [ids],
  }))
  const posted = rows.map(({ tenant_id: tenantId, memory }) => ({
    tenantId,
    memory: Memory.parse(memory),
  }))
  return { posted, after }
}

/** The memory has them. */
export async function endPosted(
  database: Database,
  of: { tenantId: string; ids: readonly string[] },
): Promise<void> {
  await sqlOf(database, { tenantIds: [of.tenantId] }).query({
    name: 'end-posted',
    text: 'DELETE FROM memory_outbox WHERE tenant_id = $1 AND id = ANY ($2::uuid[])',
    values: [of.tenantId, of.ids],
  })
}

/** Put off by 1, 2, 4 ... seconds, at most a minute. */
const MOST_DOUBLINGS = 6

/** The memory did not take them: later again, and `status` says so until then. */
export async function putOffPosted(
  database: Database,
  of: { tenantId: string; ids: readonly string[]; fault: string },
): Promise<void> {
  await sqlOf(database, { tenantIds: [of.tenantId] }).query({
    name: 'put-off-posted',
    text: `UPDATE memory_outbox SET failures = failures + 1, fault = $3,
        run_at = now() + least(60, 2 ^ least(failures, ${MOST_DOUBLINGS})) * interval '1 second'
      WHERE tenant_id = $1 AND id = ANY ($2::uuid[])`,
    values: [of.tenantId, of.ids, of.fault.slice(0, 500)],
  })
}

/** How many memories are on their way, and whether the memory has refused any of them. */
export async function countPosted(sql: Sql): Promise<{ waiting: number; isRefused: boolean }> {
  const [row] = await sql.query<{ waiting: string; refused: boolean | null }>({
    text: 'SELECT count(*) AS waiting, bool_or(failures > 0) AS refused FROM memory_outbox',
  })
  return { waiting: Number(row?.waiting ?? 0), isRefused: row?.refused === true }
}
