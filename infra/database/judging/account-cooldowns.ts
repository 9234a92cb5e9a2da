import type { Sql } from '../open-database.ts'

/** Notes until when tools of accounts asked to be left alone. Never shortens a cooldown. */
export async function noteCooldowns(
  tx: Sql,
  cooldowns: readonly { account: string; tool: string; leftMs: number }[],
): Promise<void> {
  if (cooldowns.length === 0) return
  await tx.query({
    name: 'note-cooldowns',
    text: `INSERT INTO account_cooldowns (account, tool, until)
      SELECT u.account, u.tool, now() + max(u.left_ms) * interval '1 millisecond'
      FROM unnest($1::text[], $2::text[], $3::float8[]) AS u(account, tool, left_ms)
      JOIN tool_accounts USING (account) GROUP BY u.account, u.tool ORDER BY 1, 2
      ON CONFLICT (account, tool)
      DO UPDATE SET until = greatest(account_cooldowns.until, excluded.until)`,
    values: [
      cooldowns.map(({ account }) => account),
      cooldowns.map(({ tool }) => tool),
      cooldowns.map(({ leftMs }) => leftMs),
    ],
  })
}
