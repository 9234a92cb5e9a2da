/**
 * Remembers what was rung and when it may be rung again, so that a row that nobody moves (its
 * consumer is down, its tool server is away) is rung ever more rarely and not at every sweep.
 * Forgetting is harmless: one ring more.
 */
export type RingMemory = {
  mayRing(key: string): boolean
  noteRing(key: string): void
  /** The row is another one now. */
  forget(key: string): void
  /** Redis lost its memory: so does this. */
  clear(): void
}

type Ring = { times: number; notBefore: number }

/** As long as a lost doorbell may take to be noticed, doubled at each ring. */
const BASE_MS = 2_000
const CAP_MS = 60_000
/** 100 bytes each; more rows than this stuck at once are rung again a little too often. */
const MAX_KEYS = 50_000

export function openRingMemory(of: { now: () => number; maxKeys?: number }): RingMemory {
  const rings = new Map<string, Ring>()
  const maxKeys = of.maxKeys ?? MAX_KEYS
  return {
    mayRing(key) {
      const ring = rings.get(key)
      return ring === undefined || ring.notBefore <= of.now()
    },
    noteRing(key) {
      const times = (rings.get(key)?.times ?? 0) + 1
      // Deleted first: a Map keeps the order of insertion, and the oldest is forgotten.
      rings.delete(key)
      rings.set(key, { times, notBefore: of.now() + pauseAfter(times) })
      for (const oldest of rings.keys()) {
        if (rings.size <= maxKeys) break
        rings.delete(oldest)
      }
    },
    forget: (key) => void rings.delete(key),
    clear: () => rings.clear(),
  }
}

const pauseAfter = (times: number): number => Math.min(CAP_MS, BASE_MS * 2 ** (times - 1))
