/** The first moment of X's ids: they hold milliseconds since then above 22 bits of sequence. */
const EPOCH_MS = 1_288_834_974_657n

/**
 * Mints ids as X does: sortable by time, never twice, never backwards when the clock is. `after` is
 * the highest id that exists already.
 */
export function openSnowflakes({ now, after = 0n }: { now: () => number; after?: bigint }): {
  next: () => string
} {
  let last = after
  const next = (): string => {
    const byClock = (BigInt(now()) - EPOCH_MS) << 22n
    last = byClock > last ? byClock : last + 1n
    return String(last)
  }
  return { next }
}

/** When an id was minted, in milliseconds. */
export function mintedAtMs(id: string): number {
  return Number((BigInt(id) >> 22n) + EPOCH_MS)
}
