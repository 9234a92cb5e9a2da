import type { Sql } from '../open-database.ts'

/** Locks the rows that still have the version they were read with, in key order; answers which. */
export async function lockAttempts(
  tx: Sql,
  attempts: readonly { taskId: string; versionId: string }[],
): Promise<Set<string>> {
  const rows = await tx.query<{ id: string }>({
    name: 'lock-attempts',
    text: `SELECT t.id FROM tasks t
      JOIN unnest($1::uuid[], $2::uuid[]) AS u(id, version_id)
        ON t.id = u.id AND t.version_id = u.version_id
      ORDER BY t.id FOR UPDATE OF t`,
    values: [attempts.map(({ taskId }) => taskId), attempts.map(({ versionId }) => versionId)],
  })
  return new Set(rows.map(({ id }) => id))
}
