import { DeniedError } from '@chimera/contracts/errors'
import type { Database } from '@chimera/infra/database/open-database'
import { costOf } from '@chimera/infra/llm/cascade/price'
import type { Circuits } from '@chimera/infra/llm/circuits/circuits'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import { type ModelBudget, openModelBudget } from '@chimera/infra/llm/model-budget'

import { withoutCircuitLock } from '../../../models/without-circuit-lock.ts'
import type { Without } from './protocol.ts'

/** What every goal of these tests may cost. */
const CAP_MICROS = 1_000_000n

export function composeBudget(database: Database, without: Without): ModelBudget {
  return without === 'record_of_budget'
    ? ownBudget()
    : openModelBudget({ database, actor: 'worker-1' })
}

export function composeCircuits(database: Database, without: Without): Circuits {
  switch (without) {
    case 'circuit':
      return {
        admit: () => Promise.resolve({ admitted: true, failures: 0, probe: null }),
        note: () => Promise.resolve(undefined),
      }
    case 'lock':
      return openRecordCircuits(withoutCircuitLock(database))
    case 'end_of_seen':
      return openRecordCircuits(database, () => 0)
    case 'nothing':
    case 'record_of_budget':
      return openRecordCircuits(database)
  }
}

/** Reserves before it asks and settles after, as it should, and nobody else knows of it. */
function ownBudget(): ModelBudget {
  let used = 0n
  return {
    reserve: ({ most, price }) => {
      const reserved = costOf(most, price)
      if (used + reserved > CAP_MICROS) {
        return Promise.reject(new DeniedError('BUDGET_EXHAUSTED', 'It is full.'))
      }
      used += reserved
      const settle = (spent: bigint) => Promise.resolve(void (used += spent - reserved))
      return Promise.resolve({
        answered: ({ input = most.input, output = most.output }) =>
          settle(costOf({ input, output }, price)),
        refused: () => settle(0n),
      })
    },
  }
}
