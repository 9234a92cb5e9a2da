import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Verdict, Vote } from '@chimera/contracts/judging/verdict'
import type { TaskResult } from '@chimera/contracts/task-result'
import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'

import { confidenceVote } from '../confidence.ts'
import { proposeResult, type ResultProposal } from './approvals/propose-result.ts'
import {
  type Attempt,
  type AttemptDecision,
  type EffectScene,
  type NewRound,
  type TaskMove,
  stay,
} from './attempt.ts'
import { proposeRound, type SlotProposal, votesOf } from './propose-round.ts'

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
  const { confidence, proposed_effects: effects } = result
  const votes: Vote[] = [confidenceVote(confidence)]
  const demands = votes.filter(({ vote }) => vote === 'needs_person')
  const proposals = effects.map((effect) =>
    proposeRound(attempt, effect, scene, { demands, confidence }),
  )
  for (const proposal of proposals) votes.push(...proposal.votes)
  const duplicate = firstRepeatedSlot(effects)
  if (duplicate !== undefined) {
    votes.push({
      gate: 'slot',
      vote: 'deny',
      code: 'IDEMPOTENCY_CONFLICT',
      reason: `The result proposes slot ${duplicate} twice.`,
    })
  }
  const ofResult = effects.length === 0 ? proposeResult(attempt, result, scene, demands) : undefined
  if (ofResult !== undefined) votes.push(...votesOf(ofResult.answer))
  const answers = [...proposals, ...(ofResult === undefined ? [] : [ofResult])]
  const verdict = { verdict: overall(votes, answers), confidence, votes }
  return decided(attempt, verdict, { proposals, ofResult })
}

type Answered = Pick<SlotProposal, 'answer'> & Partial<Pick<SlotProposal, 'round' | 'hold'>>

/**
 * The strictest vote wins. What a slot's open round has to end first comes before asking people;
 * asking them comes before waiting for anything else, because people take longest.
 */
function overall(votes: readonly Vote[], answers: readonly Answered[]): Verdict['verdict'] {
  const has = (vote: Vote['vote']) => votes.some((v) => v.vote === vote)
  if (has('deny')) return 'deny'
  if (has('reject')) return 'reject'
  if (answers.some(({ round, hold }) => round === undefined && hold !== undefined)) return 'wait'
  if (answers.some(({ answer: { kind } }) => kind === 'ask' || kind === 'waiting')) {
    return 'escalate'
  }
  return has('wait') ? 'wait' : 'approve'
}

function decided(
  attempt: Attempt,
  verdict: Verdict,
  of: { proposals: readonly SlotProposal[]; ofResult: ResultProposal | undefined },
): AttemptDecision {
  const { proposals, ofResult } = of
  const base = { ...stay(attempt), verdict, confidence: verdict.confidence }
  switch (verdict.verdict) {
    case 'deny': {
      const vote = pick(verdict, ['deny'])
      const failure = { code: vote.code ?? 'NEEDS_APPROVAL', message: `DENIED: ${vote.reason}` }
      const rounds = proposals.flatMap((proposal) => closed(proposal, failure.code, vote.reason))
      return { move: { ...base, to: 'denied', failure }, rounds }
    }
    case 'reject': {
      const vote = pick(verdict, ['reject'])
      const waited = proposals.filter(({ round }) => round?.existing !== undefined)
      const code = vote.code ?? 'CONFIDENCE_TOO_LOW'
      const rounds = waited.flatMap((proposal) => closed(proposal, code, vote.reason))
      return { ...rejected(attempt, base, vote.reason), rounds }
    }
    case 'escalate': {
      const rounds = proposals.flatMap(asking)
      const ask = ofResult?.ask
      const move = { ...base, to: 'awaiting_approval' as const }
      return { move, rounds, ...(ask === undefined ? {} : { ask }) }
    }
    case 'wait':
      return { move: held(base, verdict, proposals), rounds: [] }
    case 'approve': {
      const rounds = proposals.flatMap((proposal) => proposal.round ?? [])
      const answer = ofResult?.answer
      const restsOn = answer?.kind === 'approved' ? { restsOn: [answer.approval] } : {}
      if (rounds.length === 0) return { move: { ...base, to: 'done' }, rounds, ...restsOn }
      const reason = rounds.map((round) => `the receipt of ${round.slot}`).join(', ')
      const waitingOn = { reason, until: null, unblock: null }
      return { move: { ...base, to: 'granted', waitingOn }, rounds }
    }
  }
}

/** A round that is not to be: what nobody answered in time has expired. */
function closed({ round, answer }: SlotProposal, code: string, detail: string): NewRound[] {
  if (round === undefined) return []
  const state = answer.kind === 'refused' ? answer.state : 'DENIED'
  return [{ ...round, state, approvals: [], denied: { code, detail } }]
}

/** The rounds that people are asked about, and those that a person has just edited. */
function asking({ round, ask, answer }: SlotProposal): NewRound[] {
  if (round === undefined) return []
  const isAsked = ask !== undefined || answer.kind === 'waiting'
  return isAsked ? [{ ...round, state: 'AWAITING_APPROVAL', approvals: [], ask }] : []
}

function held(
  base: Omit<TaskMove, 'to'>,
  verdict: Verdict,
  proposals: readonly SlotProposal[],
): TaskMove {
  const hold = proposals.find((proposal) => proposal.hold !== undefined)?.hold
  return {
    ...base,
    to: hold?.phase ?? 'judging',
    delayMs: hold?.delayMs ?? null,
    waitsFor: hold?.waitsFor ?? null,
    waitingOn: {
      reason: pick(verdict, ['wait']).reason,
      until: hold?.until ?? null,
      unblock: hold?.unblock ?? null,
    },
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
