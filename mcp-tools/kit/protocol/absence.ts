import { GRANT_SECONDS } from '@chimera/contracts/grant'

import type { Entry } from '../ledger/entry.ts'

/** When complete looks that did not show an effect prove that it did not happen. */
export type AbsenceBound = Readonly<{
  /** Counted from claim + deadline, when the connection is surely dead. */
  afterMs: number
  reads: number
  readsApartMs: number
}>

/**
 * From when on nothing of an effect can still arrive. A process that was paused can have held the
 * connection for longer than its deadline; a round that is known by name only can have been claimed
 * until its grant ran out.
 */
export function boundOf(entry: Entry, absence: AbsenceBound): number {
  const { claimedMs, settledMs = 0, leftByMs = 0 } = entry
  const deadMs =
    claimedMs === undefined ? settledMs + GRANT_SECONDS * 1_000 : claimedMs + entry.deadlineMs
  return Math.max(deadMs, leftByMs) + absence.afterMs
}
