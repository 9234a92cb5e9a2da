import { DeniedError, TerminalError } from '@chimera/contracts/errors'
import { openCascade } from '@chimera/infra/llm/cascade/cascade'
import { type LlmConfig, loadCascade } from '@chimera/infra/llm/cascade/load-cascade'
import { uncountedMeter } from '@chimera/infra/llm/cascade/meter'
import { costOf, isFree, usdText } from '@chimera/infra/llm/cascade/price'
import { openTierRequest } from '@chimera/infra/llm/cascade/tier-request'
import { openOwnCircuits } from '@chimera/infra/llm/circuits/circuits'
import type { ModelBudget } from '@chimera/infra/llm/model-budget'
import type { Logger } from '@chimera/runtime/log'

import type { EvaluatedTier, Taken } from './grading/tier.ts'

/** The tier that is always there: no model at all. */
export const RULES = 'rules'

/**
 * Opens what is to be evaluated: the rules, or one tier of the configured cascade, asked by the
 * product's own router with a circuit of its own. Throws INPUT_INVALID for a tier that there is
 * not, and for one that costs money where nobody has said how much it may.
 */
export function openTier(of: {
  name: string
  config: LlmConfig
  /** What the whole run may cost; nothing where it is undefined. */
  maxUsdMicros: bigint | undefined
  log: Logger
}): EvaluatedTier {
  const { name, config, maxUsdMicros, log } = of
  const taken: Taken = { requests: 0, usdMicros: 0n, repairs: 0 }
  if (name === RULES) return { name, model: undefined, taken }
  const cascade = loadCascade(config)
  if (cascade === undefined) {
    throw invalid(`There is no tier ${name}: neither LLM_CASCADE_FILE nor LLM_BASE_URL is set.`)
  }
  const tier = cascade.tiers.find((one) => one.name === name)
  if (tier === undefined) {
    const names = [RULES, ...cascade.tiers.map((one) => one.name)].join(', ')
    throw invalid(`There is no tier ${name}; there are ${names}.`)
  }
  if (!isFree(tier.price) && maxUsdMicros === undefined) {
    throw invalid(`The tier ${name} costs money: say with --max-usd how much this run may.`)
  }
  const model = openCascade({
    cascade: { ...cascade, tiers: [tier] },
    budget: openRunBudget(maxUsdMicros ?? 0n),
    request: openTierRequest(),
    circuits: openOwnCircuits(),
    meter: uncountedMeter,
    log,
    onDecision: ({ requests, usdMicros }) => {
      taken.requests += requests
      taken.usdMicros += usdMicros
      // One tier that answers asks once, and once more when its answer did not fit.
      if (requests > 1) taken.repairs += 1
    },
  })
  return { name, model, taken }
}

/** Holds one run: what is reserved at the most that it can take, and settled by what it took. */
export function openRunBudget(maxUsdMicros: bigint): ModelBudget {
  let held = 0n
  return {
    reserve: ({ most, price, model }) => {
      const wanted = costOf(most, price)
      if (held + wanted > maxUsdMicros) {
        const message =
          `This run may cost ${usdText(maxUsdMicros)} USD, of which ${usdText(held)} are used: ` +
          `a request to ${model} may take ${usdText(wanted)} more.`
        return Promise.reject(new DeniedError('BUDGET_EXHAUSTED', message))
      }
      held += wanted
      const settle = (micros: bigint): Promise<void> => {
        held += micros - wanted
        return Promise.resolve()
      }
      return Promise.resolve({
        answered: ({ input = most.input, output = most.output }) =>
          settle(costOf({ input, output }, price)),
        refused: () => settle(0n),
      })
    },
  }
}

const invalid = (message: string): TerminalError => new TerminalError('INPUT_INVALID', message)
