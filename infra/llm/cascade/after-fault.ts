/** What follows from each kind of fault: for those that come after, and for the circuit. */
import type { Outcome } from '../circuits/circuit.ts'
import type { ModelFault } from '../model-fault.ts'
import type { Needs } from './needs.ts'
import { costOf } from './price.ts'
import type { Tier } from './tier.ts'

/** A pause for a provider that asks for one and does not say how long. */
const COOL_MS = 10_000
/** An account is filled by people, not by waiting: a look in an hour costs a refusal. */
const NO_MONEY_MS = 3_600_000

/** What those after it have to be; undefined when nobody may be asked any more. */
export function needsAfter(fault: ModelFault, tier: Tier, needs: Needs): Needs | undefined {
  switch (fault.kind) {
    case 'cut':
      return undefined
    case 'money':
    case 'budget':
      return belowCostOf(tier, needs)
    case 'too_long': {
      const { contextTokens = Infinity } = tier
      return { ...needs, aboveTokens: Math.max(contextTokens, needs.aboveTokens ?? 0) }
    }
    case 'bad_output':
      return { ...needs, aboveStrength: Math.max(tier.strength, needs.aboveStrength ?? 0) }
    case 'unavailable':
    case 'rate_limited':
    case 'unauthorized':
    case 'filtered':
    case 'refused':
      return needs
  }
}

/** Where money ended, the way leads down and never up. */
export const belowCostOf = (tier: Tier, needs: Needs): Needs => ({
  ...needs,
  belowMicros: lower(costOf(needs.most, tier.price), needs.belowMicros),
})

const lower = (left: bigint, right: bigint | undefined): bigint =>
  right === undefined || left < right ? left : right

/** What the circuit of the tier is told. */
export function outcomeOf({ kind, error, retryAfterMs }: ModelFault): Outcome {
  switch (kind) {
    case 'unavailable':
    case 'cut':
      return { kind: 'failed', reason: error.code }
    case 'rate_limited':
      return { kind: 'limited', reason: error.code, forMs: retryAfterMs ?? COOL_MS }
    case 'money':
      return { kind: 'limited', reason: error.code, forMs: NO_MONEY_MS }
    case 'unauthorized':
      return { kind: 'unauthorized', reason: error.code }
    case 'budget':
      // Nothing was sent.
      return { kind: 'released' }
    case 'too_long':
    case 'filtered':
    case 'bad_output':
    case 'refused':
      // It was there and looked at the request.
      return { kind: 'answered' }
  }
}
