import type { Sql } from '../open-database.ts'

/** Words that are to be posted for a slot. */
export type Said = {
  readonly tenantId: string
  readonly goalId: string
  readonly slot: string
  readonly args: Readonly<Record<string, unknown>>
}

/** Tools whose `text` is posted; the index on what was said is theirs alone. */
const POSTING: ReadonlySet<string> = new Set(['post_tweet', 'reply_tweet'])

/** Whether an effect posts a text. */
export const isPost = (effect: {
  tool: string
  args: Readonly<Record<string, unknown>>
}): boolean => POSTING.has(effect.tool) && typeof effect.args['text'] === 'string'

/** `<goal> <slot> <account>` of words that the account has said in so many days; 0: none. */
export async function readRepeats(
  sql: Sql,
  said: readonly Said[],
  days: number,
): Promise<Set<string>> {
  if (said.length === 0 || days === 0) return new Set()
  const rows = await sql.query<{ goal_id: string; slot: string; account: string }>({
    name: 'scene-repeats',
    // EXISTS: a thousand who say the same are not compared with each other, one match is enough.
    text: `SELECT w.goal_id, w.slot, b.account
      FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
        AS w(tenant_id, goal_id, slot, words, answers)
      JOIN (SELECT DISTINCT tenant_id, account FROM tool_bindings
        WHERE tool IN ('post_tweet', 'reply_tweet')) AS b USING (tenant_id)
      WHERE EXISTS (SELECT FROM effects e
        WHERE text_key(e.args ->> 'text') = text_key(w.words) AND e.account = b.account
          AND e.created_at > now() - $6 * interval '1 day'
          AND e.tool IN ('post_tweet', 'reply_tweet') AND e.tenant_id = w.tenant_id
          AND e.state IN ('GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN') AND e.mode <> 'dry'
          AND (e.goal_id, e.slot) IS DISTINCT FROM (w.goal_id, w.slot)
          AND (e.args ->> 'in_reply_to') IS NOT DISTINCT FROM w.answers)`,
    values: [
      said.map(({ tenantId }) => tenantId),
      said.map(({ goalId }) => goalId),
      said.map(({ slot }) => slot),
      said.map(({ args }) => String(args['text'])),
      said.map(({ args }) =>
        typeof args['in_reply_to'] === 'string' ? args['in_reply_to'] : null,
      ),
      days,
    ],
  })
  return new Set(rows.map((row) => `${row.goal_id} ${row.slot} ${row.account}`))
}

/**
 * Has whoever else is about to let an account say the same words wait for the end of this
 * transaction; in one order for everybody.
 */
export async function holdWords(
  tx: Sql,
  said: readonly (Said & { readonly account: string })[],
): Promise<void> {
  await tx.query({
    name: 'hold-words',
    text: `SELECT pg_advisory_xact_lock(k) FROM (
        SELECT DISTINCT hashtextextended(text_key(words) || ' ' || account, 0) AS k
        FROM unnest($1::text[], $2::text[]) AS w(words, account) ORDER BY k) AS keys`,
    values: [said.map(({ args }) => String(args['text'])), said.map(({ account }) => account)],
  })
}
