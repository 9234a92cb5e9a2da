import type { Sql } from '../open-database.ts'

/**
 * Makes tasks due that wait for the room of these accounts, those first whose results are oldest,
 * as many as may be granted now. Inside the transaction that gave the room; answers their ids.
 */
export async function wakeForRoom(
  tx: Sql,
  of: { accounts: readonly string[]; maxGranted: number },
): Promise<string[]> {
  if (of.accounts.length === 0) return []
  const woken = await tx.query<{ id: string }>({
    name: 'wake-for-room',
    text: `WITH room AS (
        SELECT a.account, $2::int - (SELECT count(*) FROM effects e
          WHERE e.account = a.account AND e.state = 'GRANTED') AS n
        FROM unnest($1::text[]) AS a(account)
      ), due AS (
        SELECT t.id FROM room r CROSS JOIN LATERAL (
          SELECT id FROM tasks WHERE phase = 'judging' AND waits_for_account = r.account
          ORDER BY result_at LIMIT greatest(r.n, 0) FOR UPDATE SKIP LOCKED) t
      )
      UPDATE tasks t SET run_at = now(), waits_for_account = NULL, version_id = new_version()
      FROM due WHERE t.id = due.id RETURNING t.id`,
    values: [of.accounts, of.maxGranted],
  })
  return woken.map(({ id }) => id)
}
