type Entry = readonly [id: string, fields: readonly string[]]
type Reply = readonly (readonly [stream: string, entries: readonly Entry[]])[]

/** What Redis answers to XREADGROUP on one stream, taken as it comes. */
export function entriesIn(reply: unknown): readonly Entry[] {
  return isReply(reply) ? (reply[0]?.[1] ?? []) : []
}

const isReply = (reply: unknown): reply is Reply => Array.isArray(reply)
