import { ChimeraError } from '@chimera/contracts/errors'
import { Goal } from '@chimera/contracts/goal'
import type { Opinion } from '@chimera/contracts/judging/opinion'
import { isToolName, TOOLS } from '@chimera/contracts/tools'

import { readGoal } from '../../rule-planner/rule-planner.ts'
import { type Attempt, type AttemptDecision, stay } from '../attempt.ts'

/** What a model said, or why nobody said anything; then the rules decide alone. */
export type GivenOpinion =
  | { readonly model: string; readonly opinion: Opinion }
  | { readonly missing: string }

/** What the record has of the question about one attempt. */
export type KeptOpinion = {
  readonly asked: number
  /** Until whoever asks is not waited for any more; below 0 when that is over. */
  readonly leftMs: number
  readonly given: GivenOpinion | undefined
}

/** A question that is lost with its Judge is asked once more; then the rules decide alone. */
export const MAX_ASKED = 2

/** Whether a model has written what is to be published: only then is it worth another's time. */
export function isPublicByModel({ outcome }: Attempt): boolean {
  if (outcome.outcome !== 'result') return false
  const { model_calls: calls = [], proposed_effects: effects } = outcome.result
  if (calls.length === 0) return false
  return effects.some(({ tool }) => isToolName(tool) && TOOLS[tool].textArguments.length > 0)
}

/** Whether a model has planned what is to be done: the grammar does not understand the goal. */
export function isPlannedByModel({ outcome, goal: { content } }: Attempt): boolean {
  if (outcome.outcome !== 'result' || outcome.result.proposed_effects.length === 0) return false
  const goal = Goal.safeParse(content)
  if (!goal.success || !('text' in goal.data)) return false
  try {
    readGoal(goal.data)
    return false
  } catch (error) {
    if (error instanceof ChimeraError) return error.code === 'GOAL_NOT_UNDERSTOOD'
    throw error
  }
}

/**
 * Whether a decision of the rules is worth a question: something that no round has held yet would
 * leave the house, or go to a person. What the rules refuse, or let wait, they refuse alone.
 */
export function isWorthAsking({ move: { verdict }, rounds }: AttemptDecision): boolean {
  if (verdict?.verdict !== 'approve' && verdict?.verdict !== 'escalate') return false
  return rounds.some(({ existing }) => existing === undefined)
}

/** What is to be done about the opinion on an attempt that is worth one. */
export function opinionAhead(
  kept: KeptOpinion | undefined,
): { readonly kind: 'ask' } | { readonly kind: 'wait'; readonly delayMs: number } | undefined {
  if (kept === undefined) return { kind: 'ask' }
  if (kept.given !== undefined) return undefined
  if (kept.leftMs > 0) return { kind: 'wait', delayMs: kept.leftMs }
  return kept.asked < MAX_ASKED ? { kind: 'ask' } : undefined
}

/** What the gate sees of it: the answer, or that the time for one is over. */
export function opinionFrom(kept: KeptOpinion | undefined): GivenOpinion | undefined {
  if (kept === undefined || kept.given !== undefined) return kept?.given
  return opinionAhead(kept) === undefined ? { missing: 'nobody answered in time' } : undefined
}

/** The task waits for the opinion; nobody has to do anything about it. */
export function awaitOpinion(attempt: Attempt, delayMs: number): AttemptDecision {
  const waitingOn = { reason: 'the opinion of a model', until: null, unblock: null }
  return { move: { ...stay(attempt), to: 'judging', delayMs, waitingOn }, rounds: [] }
}
