import { setImmediate as nextTurn } from 'node:timers/promises'

/**
 * A loop that was away for longer may have been stopped, and a stop may have come meanwhile. Turns
 * of a busy loop are shorter: it would wait for itself otherwise.
 */
const GAP_MS = 250

/** A waiting connection is accepted in one turn, read in the next, and answered in the third. */
const TURNS = 8

/**
 * Lets whatever has come in first be heard before anything is claimed. A process that was away (a
 * SIGCONT, a swapped machine) finds calls and stops in its sockets in any order, and would act on a
 * call that it reads a moment before the stop.
 */
export type CatchUp = Readonly<{
  /** Something has come in. */
  notice: () => void
  /** To be awaited right before a decision: at once, unless the loop was away. */
  caughtUp: () => Promise<void>
}>

export function openCatchUp(now: () => number = () => performance.now()): CatchUp {
  let seenMs = now()
  let catching = Promise.resolve()
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < TURNS; turn += 1) await nextTurn()
  }
  const notice = (): void => {
    const awayMs = now() - seenMs
    seenMs += awayMs
    if (awayMs <= GAP_MS) return
    catching = turns()
  }
  return {
    notice,
    caughtUp: async () => {
      notice()
      await catching
    },
  }
}
