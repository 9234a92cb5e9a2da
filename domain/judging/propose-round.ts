import { canonicalHash } from '@chimera/contracts/canonical'
import { type EffectState, type ProposedEffect, effectKey } from '@chimera/contracts/effect'
import type { Vote } from '@chimera/contracts/judging/verdict'
import { estimateCost } from '@chimera/contracts/tools'

import type { Account, Attempt, EffectScene, NewRound, Round } from './attempt.ts'
import { gateVotes } from './gates/gates.ts'

/** What comes of one proposed effect: votes, and the round to grant or what the task waits for. */
export type SlotProposal = {
  readonly votes: readonly Vote[]
  readonly round: NewRound | undefined
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

/** Holds one proposed effect against plan, provenance, account, mode and the rounds before it. */
export function proposeRound(
  attempt: Attempt,
  effect: ProposedEffect,
  scene: EffectScene,
): SlotProposal {
  const account = scene.accounts.get(effect.tool)
  const key = effectKey({
    tenant: attempt.tenantId,
    account: account?.account ?? '',
    goal: attempt.goalId,
    slot: effect.slot,
    tool: effect.tool,
    mode: attempt.goal.mode,
  })
  const argsHash = canonicalHash(effect.args)
  const rounds = scene.rounds.get(effect.slot) ?? []
  const open = rounds.find((round) => !CLOSED.has(round.state))
  if (open !== undefined) return heldBy(open, argsHash, attempt.taskId)

  const votes = gateVotes({ attempt, effect, scene, account, rounds })
  // A slot outside the plan has no row to hang a round on: the verdict alone says why.
  const isPlanned = scene.slots.get(effect.slot) === effect.tool
  const round: NewRound = {
    slot: effect.slot,
    round: rounds.reduce((most, { round: n }) => Math.max(most, n), 0) + 1,
    closedRounds: rounds.map(({ round: n }) => n),
    effectKey: key,
    tool: effect.tool,
    args: effect.args,
    argsHash,
    provenance: effect.provenance,
    account,
    mode: attempt.goal.mode,
    costUsdMicros: attempt.goal.mode === 'dry' ? 0n : estimateCost(effect.tool, effect.args),
    denied: undefined,
  }
  const hold = holdOf(votes, { attempt, account, tool: effect.tool, scene })
  return { votes, round: isPlanned ? round : undefined, hold }
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
  }
}
