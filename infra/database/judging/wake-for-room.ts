import type { Sql } from '../open-database.ts'

/**
 * Makes tasks due that wait for the room which these grants gave back, those first whose results
 * are oldest, as many as may be granted now: `maxGranted` of an account, one of a tool that keeps
 * cooldowns. Inside the transaction that settled them; answers the ids of the tasks.
 */
export async function wakeForRoom(
  tx: Sql,
  of: { freed: readonly { account: string; tool: string }[]; maxGranted: number },
): Promise<string[]> {
  if (of.freed.length === 0) return []
  const woken = await tx.query<{ id: string }>({
    name: 'wake-for-room',
    text: `WITH freed AS (
        SELECT DISTINCT account, tool FROM unnest($1::text[], $2::text[]) AS f(account, tool)
      ), room AS (
        SELECT account AS waits_for, $3::int - (SELECT count(*) FROM effects e
          WHERE e.account = f.account AND e.state = 'GRANTED') AS n
        FROM (SELECT DISTINCT account FROM freed) AS f
        UNION ALL
        SELECT account || ' ' || tool, CASE
            WHEN c.until IS NULL THEN $3
            WHEN c.until <= now() THEN 1
            ELSE 0
          END - (SELECT count(*) FROM effects e WHERE e.account = f.account
            AND e.tool = f.tool AND e.state = 'GRANTED')
        FROM freed f LEFT JOIN account_cooldowns c USING (account, tool)
      ), due AS (
        SELECT t.id FROM room r CROSS JOIN LATERAL (
          SELECT id FROM tasks WHERE phase = 'judging' AND waits_for = r.waits_for
          ORDER BY result_at LIMIT greatest(r.n, 0) FOR UPDATE SKIP LOCKED) t
      )
      UPDATE tasks t SET run_at = now(), waits_for = NULL, version_id = new_version()
      FROM due WHERE t.id = due.id RETURNING t.id`,
    values: [
      of.freed.map(({ account }) => account),
      of.freed.map(({ tool }) => tool),
      of.maxGranted,
    ],
  })
  return woken.map(({ id }) => id)
}
