/**
 * Ids of stream entries: milliseconds, a dash, a number within the millisecond; both are 64 bits.
 */
const ENTRY_ID = /^(\d{1,20})-(\d{1,20})$/

const MAX_SEQUENCE = 2n ** 64n - 1n

export const isEntryId = (text: string): boolean => ENTRY_ID.test(text)

/** Negative when `left` is older. */
export function compareEntryIds(left: string, right: string): number {
  const [leftMs, leftSequence] = partsOf(left)
  const [rightMs, rightSequence] = partsOf(right)
  if (leftMs !== rightMs) return leftMs < rightMs ? -1 : 1
  if (leftSequence === rightSequence) return 0
  return leftSequence < rightSequence ? -1 : 1
}

/** The least id after this one. */
export function nextEntryId(id: string): string {
  const [ms, sequence] = partsOf(id)
  return sequence === MAX_SEQUENCE ? `${ms + 1n}-0` : `${ms}-${sequence + 1n}`
}

/** When an entry was added, if its id was not chosen: any number up to 2 ** 64. */
export const msOfEntryId = (id: string): number => Number(partsOf(id)[0])

function partsOf(id: string): [bigint, bigint] {
  const [, ms = '0', sequence = '0'] = ENTRY_ID.exec(id) ?? []
  return [BigInt(ms), BigInt(sequence)]
}
