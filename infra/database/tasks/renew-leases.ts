import type { Sql } from '../open-database.ts'

/** A claim, as its holder knows it. */
export type HeldTask = Readonly<{ id: string; versionId: string }>

/**
 * Renews the leases of a Worker's tasks by the database clock and returns the ids that it still
 * holds; the others are somebody else's by now. A renewal is no move: the version stays, so that
 * a commit on its way does not lose against its own Worker. A lease that ran out but that nobody
 * took is renewed.
 */
export async function renewLeases(
  sql: Sql,
  of: { tasks: readonly HeldTask[]; worker: string; leaseMs: number },
): Promise<Set<string>> {
  if (of.tasks.length === 0) return new Set()
  const rows = await sql.query<{ id: string }>({
    name: 'renew-leases',
    text: `UPDATE tasks t SET lease_until = now() + $4 * interval '1 millisecond'
      FROM unnest($1::uuid[], $2::uuid[]) AS u(id, version_id)
      WHERE t.id = u.id AND t.version_id = u.version_id AND t.lease_owner = $3
      RETURNING t.id`,
    values: [
      of.tasks.map((task) => task.id),
      of.tasks.map((task) => task.versionId),
      of.worker,
      of.leaseMs,
    ],
  })
  return new Set(rows.map((row) => row.id))
}
