import type { Entry } from '../ledger/entry.ts'
import type { Ledger } from '../ledger/ledger.ts'

/** Calls that wait for the end of what the provider has taken. */
export type Followers = Readonly<{
  /** Until the entry is answered, or for `ms`. */
  wait: (grantId: string, ms: number) => Promise<Entry>
  /** Answers those who follow it, if something has become of it. */
  answerSettled: (grantId: string) => void
  /** Answers all, and from now on at once. */
  end: () => void
  /** Puts those first that somebody waits for. */
  first: (left: Entry, right: Entry) => number
}>

export function openFollowers(ledger: Ledger): Followers {
  const waiting = new Map<string, Set<() => void>>()
  let hasEnded = false
  const answer = (grantId: string): void => {
    for (const go of waiting.get(grantId) ?? []) go()
  }
  const rank = (entry: Entry): number => (waiting.has(entry.grantId) ? 0 : 1)
  return {
    wait: async (grantId, ms) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      const all = waiting.get(grantId) ?? new Set()
      waiting.set(grantId, all.add(resolve))
      const timer = setTimeout(resolve, hasEnded ? 0 : ms)
      await promise
      clearTimeout(timer)
      all.delete(resolve)
      if (all.size === 0) waiting.delete(grantId)
      return ledger.entries.get(grantId)
    },
    answerSettled: (grantId) => {
      if (waiting.has(grantId) && ledger.entries.get(grantId).state !== 'UNKNOWN') answer(grantId)
    },
    end: () => {
      hasEnded = true
      for (const grantId of waiting.keys()) answer(grantId)
    },
    first: (left, right) => rank(left) - rank(right),
  }
}
