import { InvariantError } from '@chimera/contracts/errors'

/** An entry as Redis tells it: fields flat, name and value by turns. */
export type RawEntry = Readonly<{ id: string; fields: readonly string[] }>

/** What Redis answers is known by its documentation; anything else is a defect of ours. */
export function listOf(reply: unknown): readonly unknown[] {
  if (Array.isArray(reply)) return reply
  throw new InvariantError(`Redis answered ${typeof reply} where a list belongs.`)
}

export function textOf(reply: unknown): string {
  if (typeof reply === 'string') return reply
  throw new InvariantError(`Redis answered ${typeof reply} where a text belongs.`)
}

export function numberOf(reply: unknown): number {
  if (typeof reply === 'number') return reply
  throw new InvariantError(`Redis answered ${typeof reply} where a number belongs.`)
}

/** `[[id, [name, value, ...]], ...]`. An entry that is gone has no fields and is left out. */
export function entriesOf(reply: unknown): RawEntry[] {
  return listOf(reply).flatMap((item) => {
    if (item === null) return []
    const [id, fields] = listOf(item)
    return fields === null ? [] : [{ id: textOf(id), fields: listOf(fields).map(textOf) }]
  })
}

/** `[stream, entries]` of XREAD and XREADGROUP; nothing when the wait ended without an entry. */
export function streamsOf(reply: unknown): { stream: string; entries: RawEntry[] }[] {
  if (reply === null) return []
  return listOf(reply).map((item) => {
    const [stream, entries] = listOf(item)
    return { stream: textOf(stream), entries: entriesOf(entries) }
  })
}

/** `[name, value, name, value, ...]` of XINFO. */
export function recordOf(reply: unknown): ReadonlyMap<string, unknown> {
  const flat = listOf(reply)
  const record = new Map<string, unknown>()
  for (let at = 0; at + 1 < flat.length; at += 2) record.set(textOf(flat[at]), flat[at + 1])
  return record
}
