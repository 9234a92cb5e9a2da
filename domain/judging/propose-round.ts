import { canonicalHash } from '@chimera/contracts/canonical'
import type { EffectState, ProposedEffect } from '@chimera/contracts/effect'
import type { Vote } from '@chimera/contracts/judging/verdict'
import { estimateCost } from '@chimera/contracts/tools'

import { addNeeds } from './approvals/add-needs.ts'
import { type Answer, answerDemands } from './approvals/answer-demands.ts'
import type { Ask, Binding } from './approvals/approval.ts'
import { editedProposal } from './approvals/edited-proposal.ts'
import type { Account, Attempt, EffectScene, NewRound, Round } from './attempt.ts'
import { gateVotes } from './gates/gates.ts'
import { keyOfProposal } from './key-of-proposal.ts'

/** What comes of one proposed effect: votes, and the round to grant or what the task waits for. */
export type SlotProposal = {
  readonly votes: readonly Vote[]
  readonly round: NewRound | undefined
  /** What people have said to the demands on it. */
  readonly answer: Answer
  /** Undefined where nobody would have to be asked. */
  readonly ask: Ask | undefined
  readonly hold:
    | {
        readonly phase: 'judging' | 'granted' | 'reconciling'
        readonly delayMs: number | null
        readonly unblock: string | null
        readonly until?: string
        readonly waitsFor?: string
      }
    | undefined
}

/** Rounds in these states never act and never acted: the next one may follow. */
const CLOSED: ReadonlySet<EffectState> = new Set<EffectState>([
  'REFUSED',
  'NOT_SENT',
  'NOT_HAPPENED',
  'EXPIRED',
  'DENIED',
  'CANCELLED',
])

/** A round in these states waits for people and was never granted. */
const PENDING: ReadonlySet<EffectState> = new Set<EffectState>(['PROPOSED', 'AWAITING_APPROVAL'])

/**
 * What holds a proposal wakes its task when it is over. In case nobody does, the task is looked at
 * again after as long as it has waited, within these bounds: a thousand that wait must not keep the
 * Judge busy.
 */
const LOOK_AGAIN_MS = { least: 1_000, most: 60_000 } as const

const HELD_LOOK_MS = 5_000

const JUDGING = 'judging' as const
const GRANTED = 'granted' as const
const RECONCILING = 'reconciling' as const

/**
 * Holds one proposed effect against plan, provenance, account, mode, the rounds before it, and what
 * people said to what gates demanded; `demands` are those on the whole result.
 */
export function proposeRound(
  attempt: Attempt,
  proposed: ProposedEffect,
  scene: EffectScene,
  of: { demands: readonly Vote[]; confidence: number },
): SlotProposal {
  const account = scene.accounts.get(proposed.tool)
  const key = keyOfProposal(attempt, proposed, account?.account)
  const effect = editedProposal(proposed, { key, approvals: scene.approvals })
  const argsHash = canonicalHash(effect.args)
  const all = scene.rounds.get(effect.slot) ?? []
  const open = all.find((round) => !CLOSED.has(round.state))
  const pending =
    open !== undefined && PENDING.has(open.state) && open.taskId === attempt.taskId
      ? open
      : undefined
  if (open !== undefined && pending === undefined) return heldBy(open, argsHash, attempt.taskId)

  const rounds = all.filter((round) => round !== pending)
  const votes = gateVotes({ attempt, effect, scene, account, rounds })
  const demands = [...votes.filter(({ vote }) => vote === 'needs_person'), ...of.demands]
  const { policyVersion } = scene
  const { mode } = attempt.goal
  const binding: Binding = {
    key,
    argsHash,
    account: account?.account ?? null,
    mode,
    definitionHash: account?.definitions[effect.tool] ?? null,
    policyVersion,
  }
  const answer = answerDemands({
    question: { binding, demands, rounds: all },
    own: scene.approvals.filter(({ effectId }) => effectId === (pending?.effectId ?? 'none')),
    approvals: scene.approvals.filter(({ subject }) => subject === 'effect'),
    checks: scene.approvalChecks,
  })
  const costUsdMicros = mode === 'dry' ? 0n : estimateCost(effect.tool, effect.args)
  const closedRounds = rounds.map(({ round: n }) => n)
  const round: NewRound = {
    ...effect,
    existing: pending,
    state: 'GRANTED',
    round: pending?.round ?? Math.max(0, ...closedRounds) + 1,
    closedRounds,
    effectKey: key,
    argsHash,
    account,
    mode,
    costUsdMicros,
    policyVersion,
    approvals: answer.kind === 'approved' ? [answer.approval] : [],
    ask: undefined,
    denied: undefined,
  }
  // A slot outside the plan has no row to hang a round on: the verdict alone says why.
  const isPlanned = scene.slots.get(effect.slot) === effect.tool
  const { confidence } = of
  return {
    votes: [...votes, ...votesOf(answer)],
    round: isPlanned ? round : undefined,
    hold: holdOf(votes, { attempt, account, tool: effect.tool, scene }),
    answer,
    ask:
      answer.kind === 'ask'
        ? askFor(effect, { binding, demands: answer.demands, costUsdMicros, confidence, scene })
        : undefined,
  }
}

function askFor(
  effect: ProposedEffect,
  of: {
    binding: Binding
    demands: readonly Vote[]
    costUsdMicros: bigint
    confidence: number
    scene: EffectScene
  },
): Ask {
  const { demands, scene, ...rest } = of
  const edited = scene.approvals.findLast(
    ({ key, argsHash, editor }) =>
      key === of.binding.key && argsHash === of.binding.argsHash && editor !== null,
  )
  return {
    ...effect,
    ...rest,
    subject: 'effect',
    asked: demands,
    needs: addNeeds(demands),
    editor: edited?.editor ?? null,
  }
}

/** What a person's word adds to the votes, for whoever reads the verdict. */
export function votesOf(answer: Answer): Vote[] {
  if (answer.kind === 'refused') return [answer.vote]
  if (answer.kind !== 'approved') return []
  const { id, approvers } = answer.approval
  const reason = `Approval ${id} of ${approvers.map(({ approver }) => approver).join(', ')}.`
  return [{ gate: 'approval', vote: 'allow', reason: reason.slice(0, 1000) }]
}

/** What a proposal waits for that no gate denies. */
function holdOf(
  votes: readonly Vote[],
  of: { attempt: Attempt; account: Account | undefined; tool: string; scene: EffectScene },
): SlotProposal['hold'] {
  const { attempt, account, tool, scene } = of
  const { least, most } = LOOK_AGAIN_MS
  const delayMs = Math.min(most, Math.max(least, attempt.waitedMs))
  if (votes.some((vote) => vote.gate === 'stop')) {
    return { phase: JUDGING, delayMs, unblock: 'chimera resume' }
  }
  if (!votes.some((vote) => vote.vote === 'wait')) return undefined
  if (account?.state !== 'open') return { phase: JUDGING, delayMs, unblock: 'chimera tools ls' }
  const { cooldown } = account
  if (cooldown !== null && cooldown.leftMs > 0) {
    return { phase: JUDGING, delayMs: cooldown.leftMs, unblock: null, until: cooldown.until }
  }
  const waitsFor = scene.waitsFor(account.account, tool)
  const hold = { phase: JUDGING, delayMs, unblock: null }
  return waitsFor === undefined ? hold : { ...hold, waitsFor }
}

/** The slot is taken: by its own earlier success, or by a round whose end has to be waited for. */
function heldBy(open: Round, argsHash: string, taskId: string): SlotProposal {
  const same = open.argsHash === argsHash
  if (open.state === 'CONFIRMED') {
    const reason = same
      ? `Round ${open.round} of this slot has already happened.`
      : `Round ${open.round} of this slot has happened with other arguments; that one counts.`
    const code = same ? {} : { code: 'IDEMPOTENCY_CONFLICT' }
    return {
      votes: [{ gate: 'slot', vote: 'allow', ...code, reason }],
      round: undefined,
      hold: undefined,
      answer: { kind: 'none' },
      ask: undefined,
    }
  }
  const unblock = open.state === 'NEEDS_HUMAN' ? `chimera effect settle ${open.effectId}` : null
  // The receipt moves the task that the round belongs to; another one has to look for itself.
  const hold =
    open.taskId === taskId
      ? { phase: open.state === 'GRANTED' ? GRANTED : RECONCILING, delayMs: null, unblock }
      : { phase: JUDGING, delayMs: HELD_LOOK_MS, unblock }
  return {
    votes: [
      {
        gate: 'slot',
        vote: 'wait',
        ...(same ? {} : { code: 'IDEMPOTENCY_CONFLICT' }),
        reason: `round ${open.round} of this slot is ${open.state}; it has to end before the next`,
      },
    ],
    round: undefined,
    hold,
    answer: { kind: 'none' },
    ask: undefined,
  }
}
