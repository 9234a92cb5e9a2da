import { InvariantError } from '@chimera/contracts/errors'

import type { Rules } from '../protocol/rules.ts'

/** Every call for itself and at once: its bytes first, and whenever they are there, its claim. */
export const inNoTurn: Rules['openTurns'] =
  ({ ledger }) =>
  async (decide) => {
    const first = ledger.transact(() => decide(undefined))
    if (first.make === undefined) return first.decision
    const bytes = first.make()
    const made = bytes instanceof Promise ? await bytes : bytes
    const last = ledger.transact(() => decide(made))
    if (last.make !== undefined) throw new InvariantError('A call with bytes was not decided.')
    return last.decision
  }
