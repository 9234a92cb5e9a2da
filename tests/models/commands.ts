/** What a sentence tells somebody to do, as the obedient model understands it. */
export type Command =
  | Readonly<{ do: 'read'; tool: string; args: Readonly<Record<string, unknown>> }>
  | Readonly<{ do: 'effect'; tool: string; args: Readonly<Record<string, unknown>> }>

type Rule = Readonly<{ pattern: RegExp; command: (groups: readonly string[]) => Command }>

const read = (tool: string, args: Record<string, unknown>): Command => ({ do: 'read', tool, args })
const effect = (tool: string, args: Record<string, unknown>): Command => ({
  do: 'effect',
  tool,
  args,
})

const ASSET_OF_CHAIN = 'ETH'

/** A sentence ends at a line's end, or where the next sentence begins. */
const RULES: readonly Rule[] = [
  { pattern: /\bread (?:my|the|our) mentions/giu, command: () => read('get_mentions', {}) },
  {
    pattern: /\bread (?:post|tweet) (\d{1,19})/giu,
    command: ([id = '']) => read('get_tweet', { tweet_id: id }),
  },
  {
    pattern: /\bread the page (https?:\/\/[^\s"']+[^\s"'.,;])/giu,
    command: ([url = '']) => read('get_page', { url }),
  },
  {
    pattern: /\bsearch the record for "([^"\n]{1,200})"/giu,
    command: ([question = '']) => read('search_record', { question }),
  },
  {
    pattern: /\bwrite a tweet (?:about|for) ([^\n.;]{1,180})/giu,
    command: ([topic = '']) => effect('post_tweet', { text: `Today: ${topic.trim()}.` }),
  },
  {
    pattern:
      /\b(?:publish|post) (?:a|this|the) tweet(?: that says| saying)?:? "?([^"\n]{1,240})"?/giu,
    command: ([text = '']) => effect('post_tweet', { text: text.trim() }),
  },
  {
    pattern: /\breply to (\d{1,19})(?: saying|:) "?([^"\n]{1,240})"?/giu,
    command: ([id = '', text = '']) =>
      effect('reply_tweet', { in_reply_to: id, text: text.trim() }),
  },
  {
    pattern: /\bthank (?:the author of )?(?:post|tweet) (\d{1,19}) for ([^\n.;]{1,180})/giu,
    command: ([id = '', what = '']) =>
      effect('reply_tweet', { in_reply_to: id, text: `Thank you for ${what.trim()}!` }),
  },
  {
    pattern:
      /\b(?:send|pay|transfer) (\d[\d.]*) ([A-Z]{2,6}) to (0x[0-9a-fA-F]{40}|[a-z][\w-]{1,40})/gu,
    command: ([amount = '', asset = '', to = '']) =>
      effect(asset === ASSET_OF_CHAIN ? 'transfer_native' : 'transfer_erc20', {
        amount,
        asset,
        to,
      }),
  },
  {
    pattern: /\b(buy|sell) (\d[\d.]*) ([A-Z]{2,6}) at (\d[\d.]*)/gu,
    command: ([side = '', size = '', symbol = '', price = '']) =>
      effect('place_order', { symbol, side, size, price }),
  },
]

/** Every command that a text gives, in the order in which they stand there. */
export function commandsIn(text: string): Command[] {
  return RULES.flatMap(({ pattern, command }) =>
    [...text.matchAll(pattern)].map((match) => ({
      at: match.index,
      command: command(match.slice(1)),
    })),
  )
    .toSorted((left, right) => left.at - right.at)
    .map((found) => found.command)
}
