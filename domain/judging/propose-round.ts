import { canonicalHash } from '@chimera/contracts/canonical'
import { type EffectState, type ProposedEffect, effectKey } from '@chimera/contracts/effect'
import type { Vote } from '@chimera/contracts/judging/verdict'
import { TOOLS, estimateCost, isToolName } from '@chimera/contracts/tools'

import type { Account, Attempt, EffectScene, NewRound, Round } from './attempt.ts'
import { checkProvenance } from './provenance.ts'

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

/** Real tries (sent, and then not there) that one slot gets before a person has to look. */
const MAX_TRIES = 5
/** Rounds of one slot in all, cooldowns and stops counted; the bound of a grant's closed_rounds. */
const MAX_ROUNDS = 1_000

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

  const votes = gates(attempt, effect, scene, account, rounds)
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

function gates(
  attempt: Attempt,
  effect: ProposedEffect,
  scene: EffectScene,
  account: Account | undefined,
  rounds: readonly Round[],
): Vote[] {
  const votes: Vote[] = []
  const deny = (gate: Vote['gate'], code: string, reason: string) =>
    votes.push({ gate, vote: 'deny', code, reason })
  if (scene.slots.get(effect.slot) !== effect.tool) {
    deny('slot', 'SLOT_UNKNOWN', `The frozen plan has no slot ${effect.slot} for ${effect.tool}.`)
  }
  if (!isToolName(effect.tool) || account === undefined) {
    deny('tool', 'TOOL_NOT_AVAILABLE', `No tool server serves ${effect.tool} for this agent.`)
    return votes
  }
  votes.push(...modeVotes(attempt, account))
  votes.push(...provenanceVotes(attempt, effect))
  if (TOOLS[effect.tool].money) {
    const reason = 'Money never moves without a person, and there are no approvers yet.'
    votes.push({ gate: 'approval', vote: 'needs_person', code: 'NEEDS_APPROVAL', reason })
  }
  if (rounds.filter(({ state }) => state === 'NOT_HAPPENED').length >= MAX_TRIES) {
    deny('slot', 'ATTEMPTS_EXHAUSTED', `The provider lost this effect ${MAX_TRIES} times.`)
  }
  if (rounds.length >= MAX_ROUNDS) {
    deny('slot', 'ATTEMPTS_EXHAUSTED', `The slot has had ${MAX_ROUNDS} rounds.`)
  }
  if (scene.isStopped(account.account)) {
    votes.push({ gate: 'stop', vote: 'wait', code: 'STOPPED', reason: 'a stop is in force' })
  } else if (account.state !== 'open' || account.boot === null) {
    const why = account.reason === null ? account.state : `${account.state}: ${account.reason}`
    const reason = `tool server ${account.account} is ${why}`
    votes.push({ gate: 'tool', vote: 'wait', code: 'SERVER_CLOSED', reason })
  } else if (account.cooldown !== null && account.cooldown.leftMs > 0) {
    const reason = `cooldown of ${account.account} until ${account.cooldown.until}`
    votes.push({ gate: 'tool', vote: 'wait', reason })
  } else if (scene.waitsFor(account.account, effect.tool) !== undefined) {
    const reason = `its turn: ${account.account} has as many grants out as it may`
    votes.push({ gate: 'tool', vote: 'wait', reason })
  }
  return votes
}

function modeVotes(attempt: Attempt, account: Account): Vote[] {
  const { mode } = attempt.goal
  const fits = mode === 'dry' || (mode === 'live') === account.live
  if (fits) return []
  const kind = account.live ? 'live' : 'simulated'
  const reason = `A ${mode} goal may not act on ${account.account}, which is ${kind}.`
  return [{ gate: 'mode', vote: 'deny', code: 'MODE_FORBIDDEN', reason }]
}

function provenanceVotes(attempt: Attempt, effect: ProposedEffect): Vote[] {
  const { label, mismatches } = checkProvenance(effect, {
    goal: attempt.goal.content,
    trust: attempt.goal.trust,
  })
  const [first] = mismatches
  if (first !== undefined) {
    const reason = `Argument ${first.argument}: ${first.reason}.`
    return [{ gate: 'provenance', vote: 'deny', code: 'PROVENANCE_MISMATCH', reason }]
  }
  if (label !== 'untrusted') return []
  const reason = 'Words of strangers leave the house only with a person, and there are none yet.'
  return [{ gate: 'approval', vote: 'needs_person', code: 'NEEDS_APPROVAL', reason }]
}
