import { canonicalHash } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import { type Opinion, OPINION_FAULTS } from '@chimera/contracts/judging/opinion'
import { CONFIDENCE_REJECT, type Vote } from '@chimera/contracts/judging/verdict'

import type { Attempt } from '../attempt.ts'
import type { Gate } from './gate.ts'

/**
 * A model's opinion adds a demand or none (docs/decisions/0037-an-opinion-adds-a-demand.md). The
 * reasons are the house's own sentences: they go to Workers and Planners, and the model has read
 * strangers. It ends no task: what cannot be done otherwise a person decides.
 */
export const opinionGate: Gate = ({ attempt, effect, scene: { opinion: given } }) => {
  if (given === undefined) return []
  const gate = 'opinion'
  if ('missing' in given) {
    const reason = `No model gave an opinion (${given.missing}); the rules decide alone.`
    return [{ gate, vote: 'allow', code: 'OPINION_MISSING', reason }]
  }
  const { opinion, model } = given
  const said = wordOf(opinion)
  const faults = opinion.faults.map((fault) => OPINION_FAULTS[fault]).join(' ')
  const quality = `quality ${opinion.quality}`
  if (said === 'approve') {
    const reason = `${model} has nothing against it, ${quality}.`
    return [{ gate, vote: 'allow', reason }]
  }
  const vote = said === 'reject' && mayBeRedone(attempt, effect) ? 'reject' : 'needs_person'
  const reason = `A model found (${quality}): ${faults || 'It is not good enough.'}`
  return [{ gate, vote, code: 'OPINION', reason } satisfies Vote]
}

/** A word of praise beside a score that is none is no praise. */
const wordOf = ({ says, quality }: Opinion): Opinion['says'] =>
  says === 'approve' && quality < CONFIDENCE_REJECT ? 'ask_person' : says

/** What a model wrote can be written otherwise as long as attempts are left; nothing else can. */
function mayBeRedone(attempt: Attempt, effect: ProposedEffect): boolean {
  const { outcome, rejections, maxAttempts } = attempt
  if (outcome.outcome !== 'result' || rejections + 1 >= maxAttempts) return false
  const { model_calls: calls = [], proposed_effects: proposed } = outcome.result
  const own = proposed.find(({ slot }) => slot === effect.slot)
  // What a person has edited is theirs: no model sends it back.
  return calls.length > 0 && own !== undefined && isSame(own, effect)
}

const isSame = (left: ProposedEffect, right: ProposedEffect): boolean =>
  canonicalHash(left.args) === canonicalHash(right.args)
