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
    text: `SELECT goal_id, slot, account
      FROM words_said($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::int)`,
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
