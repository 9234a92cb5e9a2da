/** How long the queues stand back for those who were rung for. */
export type Courtesy = Readonly<{
  /** Tasks were claimed that nobody has made to wait. */
  note: () => void
  /** Milliseconds that the queues still stand back, now that they could take more. */
  owed: () => number
}>

/**
 * A few tasks pass the Worker and the Judge in that time on a busy machine. What the queues had in
 * hand before is judged meanwhile, and nothing new is put in front of them.
 */
export const COURTESY_MS = 40

/**
 * A tenant with many tasks keeps both cores busy by what waits in its queue; one that has a few
 * would meet a full batch of them in each role. So the queues take nothing for a moment when
 * somebody else was rung for. Whoever rings all the time cannot make them stand still: they have
 * as long for themselves as they stood back. `now` in milliseconds, of a clock that only goes
 * forward.
 */
export function openCourtesy(now: () => number): Courtesy {
  let rungAt = -Infinity
  let ownUntil = -Infinity
  return {
    note: () => void (rungAt = now()),
    owed: () => {
      const at = now()
      const left = rungAt + COURTESY_MS - at
      if (left <= 0 || at < ownUntil) return 0
      ownUntil = at + 2 * left
      return left
    },
  }
}
