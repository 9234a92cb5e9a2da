/** Whose tasks came by lately. */
export type Company = Readonly<{
  note: (tenantIds: Iterable<string>) => void
  /** Whether they were of more than one tenant. */
  isMixed: () => boolean
}>

/** Who has been here within a minute is taken to come again. */
const LATELY_MS = 60_000

/** `now` in milliseconds, of a clock that only goes forward. */
export function openCompany(now: () => number): Company {
  const seen = new Map<string, number>()
  return {
    note: (tenantIds) => {
      for (const id of new Set(tenantIds)) seen.set(id, now())
    },
    isMixed: () => {
      const since = now() - LATELY_MS
      for (const [id, at] of seen) if (at < since) seen.delete(id)
      return seen.size > 1
    },
  }
}
