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
      DO UPDATE SET until = greatest(account_cooldowns.until, excluded.until), passed = 0`,
    values: [
      cooldowns.map(({ account }) => account),
      cooldowns.map(({ tool }) => tool),
      cooldowns.map(({ leftMs }) => leftMs),
    ],
  })
}

/** After so many grants without a new cooldown the last one was no habit of the tool. */
const PASSES_TO_FORGET = 2

/**
 * Counts grants that were done after a cooldown was over, and forgets the cooldown when enough of
 * them were: a tool that keeps cooldowns gets one grant at a time, and one that was only busy once
 * (a rate limit of its provider) must not get the same for a day.
 */
export async function passCooldowns(
  tx: Sql,
  done: readonly { account: string; tool: string }[],
): Promise<void> {
  if (done.length === 0) return
  await tx.query({
    name: 'pass-cooldowns',
    text: `WITH done AS (
        SELECT account, tool, count(*)::int AS n
        FROM unnest($1::text[], $2::text[]) AS d(account, tool) GROUP BY account, tool
      ), over AS (
        SELECT c.account, c.tool, c.passed + d.n AS passed
        FROM account_cooldowns c JOIN done d USING (account, tool)
        WHERE c.until < now() ORDER BY 1, 2 FOR UPDATE OF c
      ), forgotten AS (
        DELETE FROM account_cooldowns c USING over o
        WHERE (c.account, c.tool) = (o.account, o.tool) AND o.passed >= $3
      )
      UPDATE account_cooldowns c SET passed = o.passed FROM over o
      WHERE (c.account, c.tool) = (o.account, o.tool) AND o.passed < $3`,
    values: [done.map(({ account }) => account), done.map(({ tool }) => tool), PASSES_TO_FORGET],
  })
}
