import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Verdict, Vote } from '@chimera/contracts/judging/verdict'
import type { TaskResult } from '@chimera/contracts/task-result'
import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'

import { confidenceVote } from '../confidence.ts'
import {
  type Attempt,
  type AttemptDecision,
  type EffectScene,
  type TaskMove,
  stay,
} from './attempt.ts'
import { proposeRound, type SlotProposal } from './propose-round.ts'

/** A resume wakes what it held back; this is for the case that nobody heard it. */
const PAUSED_LOOK_MS = 30_000

/**
 * Decides one attempt by rules (design.md section 2 step 4). Pure: the clock, the budget and the
 * uniqueness of rounds are the database's. Any gate can add a demand, none can remove one.
 */
export function judgeAttempt(attempt: Attempt, scene: EffectScene): AttemptDecision {
  if (['CANCELLED', 'FAILED', 'COMPLETED'].includes(attempt.goal.status)) {
    return ended(attempt, 'cancelled', 'CANCELLED', 'The goal had ended before this was judged.')
  }
  const { pausedBy } = attempt.goal
  if (pausedBy !== null) {
    const unblock = `chimera ${pausedBy} resume ${idOf(attempt, pausedBy)}`
    return waiting(attempt, PAUSED_LOOK_MS, `the ${pausedBy} is paused`, unblock)
  }
  const { outcome } = attempt
  if (outcome.outcome === 'failure') {
    const phase = outcome.kind === 'denied' ? 'denied' : 'dead'
    return ended(attempt, phase, outcome.failure.code, outcome.failure.message)
  }
  return judgeResult(attempt, outcome.result, scene)
}

/** What a person names to resume it. */
function idOf({ tenantId, goalId, goal }: Attempt, kind: PausableKind): string {
  if (kind === 'goal') return goalId
  if (kind === 'agent') return goal.agentId
  return kind === 'tenant' ? tenantId : (goal.campaignId ?? '')
}

function judgeResult(attempt: Attempt, result: TaskResult, scene: EffectScene): AttemptDecision {
  const votes: Vote[] = [confidenceVote(result.confidence)]
  const proposals = result.proposed_effects.map((effect) => proposeRound(attempt, effect, scene))
  for (const proposal of proposals) votes.push(...proposal.votes)
  const duplicate = firstRepeatedSlot(result.proposed_effects)
  if (duplicate !== undefined) {
    votes.push({
      gate: 'slot',
      vote: 'deny',
      code: 'IDEMPOTENCY_CONFLICT',
      reason: `The result proposes slot ${duplicate} twice.`,
    })
  }
  const verdict = { verdict: overall(votes), confidence: result.confidence, votes }
  return decided(attempt, verdict, proposals)
}

/** The strictest vote wins; `wait` only counts when nothing says no. */
function overall(votes: readonly Vote[]): Verdict['verdict'] {
  const has = (vote: Vote['vote']) => votes.some((v) => v.vote === vote)
  if (has('deny') || has('needs_person')) return 'deny'
  if (has('reject')) return 'reject'
  return has('wait') ? 'wait' : 'approve'
}

function decided(
  attempt: Attempt,
  verdict: Verdict,
  proposals: readonly SlotProposal[],
): AttemptDecision {
  const base = { ...stay(attempt), verdict, confidence: verdict.confidence }
  switch (verdict.verdict) {
    case 'deny': {
      const vote = pick(verdict, ['deny', 'needs_person'])
      const failure = { code: vote.code ?? 'NEEDS_APPROVAL', message: `DENIED: ${vote.reason}` }
      const rounds = proposals.flatMap((proposal) =>
        proposal.round === undefined
          ? []
          : [{ ...proposal.round, denied: { code: failure.code, detail: vote.reason } }],
      )
      return { move: { ...base, to: 'denied', failure }, rounds }
    }
    case 'reject':
      return rejected(attempt, base, pick(verdict, ['reject']).reason)
    case 'wait': {
      const held = proposals.find((proposal) => proposal.hold !== undefined)?.hold
      const move = {
        ...base,
        to: held?.phase ?? ('judging' as const),
        delayMs: held?.delayMs ?? null,
        waitsFor: held?.waitsFor ?? null,
        waitingOn: {
          reason: pick(verdict, ['wait']).reason,
          until: held?.until ?? null,
          unblock: held?.unblock ?? null,
        },
      }
      return { move, rounds: [] }
    }
    case 'approve': {
      const rounds = proposals.flatMap((proposal) => proposal.round ?? [])
      if (rounds.length === 0) return { move: { ...base, to: 'done' }, rounds }
      const reason = rounds.map((round) => `the receipt of ${round.slot}`).join(', ')
      const waitingOn = { reason, until: null, unblock: null }
      return { move: { ...base, to: 'granted', waitingOn }, rounds }
    }
  }
}

function rejected(attempt: Attempt, base: Omit<TaskMove, 'to'>, reason: string): AttemptDecision {
  const again = attempt.rejections + 1 < attempt.maxAttempts
  if (again) {
    return { move: { ...base, to: 'ready', isRejection: true, feedback: reason }, rounds: [] }
  }
  const failure = {
    code: 'ATTEMPTS_EXHAUSTED',
    message: `Rejected ${attempt.rejections + 1} times; the last reason: ${reason}`,
  }
  return { move: { ...base, to: 'rejected', isRejection: true, failure }, rounds: [] }
}

function ended(
  attempt: Attempt,
  to: 'cancelled' | 'denied' | 'dead',
  code: string,
  message: string,
): AttemptDecision {
  return { move: { ...stay(attempt), to, failure: { code, message } }, rounds: [] }
}

function waiting(
  attempt: Attempt,
  delayMs: number,
  reason: string,
  unblock: string,
): AttemptDecision {
  const waitingOn = { reason, until: null, unblock }
  return { move: { ...stay(attempt), to: 'judging', delayMs, waitingOn }, rounds: [] }
}

function pick(verdict: Verdict, votes: readonly Vote['vote'][]): Vote {
  const found = verdict.votes.find((vote) => votes.includes(vote.vote))
  return found ?? { gate: 'schema', vote: 'deny', reason: 'no gate gave a reason' }
}

function firstRepeatedSlot(effects: readonly ProposedEffect[]): string | undefined {
  const seen = new Set<string>()
  for (const { slot } of effects) {
    if (seen.has(slot)) return slot
    seen.add(slot)
  }
  return undefined
}
