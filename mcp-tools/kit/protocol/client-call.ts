import { canonicalHash } from '@chimera/contracts/canonical'
import type { CrashPoint } from '@chimera/contracts/crash-points'
import { newId } from '@chimera/contracts/ids'

import type { EntryAbout } from '../ledger/entry-writes.ts'
import { isClosedWithoutEffect, type Entry } from '../ledger/entry.ts'
import type { PreparedRequest, Refusal } from '../provider/exchange.ts'
import { isRefusal, type Made } from '../turns/prepare.ts'
import type { Decided, InTurn } from '../turns/turns.ts'
import type { Carrier } from './carrier.ts'
import { findWindowRefusal, killRefusal } from './checks.ts'
import type { EffectReply } from './effect-call.ts'
import type { EffectPlan, EffectTool } from './effect-tool.ts'
import { claimOf, type Account } from './granted-call.ts'
import type { Rules } from './rules.ts'
import { scopesOf } from './scopes.ts'

/** A call of an outside client, on a server that needs no grants (design.md section 5). */
export type ClientCall = (
  given: Readonly<{
    tool: EffectTool
    args: unknown
    principal: string
    /** The client's own key for this intent. */
    idempotencyKey?: string
    /** What the intent is when there is no key: good for a day. */
    intent?: string
  }>,
) => Promise<EffectReply>

/** How long a call without a key is the same call. */
const INTENT_MS = 86_400_000

type Decision =
  | Readonly<{ kind: 'claimed'; entry: Entry; prepared: PreparedRequest }>
  | Readonly<{ kind: 'settled'; entry: Entry }>
  | Readonly<{ kind: 'refused'; refusal: Refusal }>

/**
 * The same protocol without a record behind it: same key, same effect once; one claim before the
 * act; the account's windows, cooldown and fence hold. The keys never meet those of a swarm.
 */
export function createClientCall(options: {
  account: Account
  rules: Rules
  inTurn: InTurn
  carrier: Carrier
  crash: (label: CrashPoint) => void
}): ClientCall {
  const { account, rules, carrier } = options
  const { ledger } = account
  return async (given) => {
    const { tool, args, principal } = given
    const argsHash = canonicalHash(args)
    const { plan, refusal } = tool.plan(args)
    if (plan === undefined) return { kind: 'refused', refusal }
    const about = aboutClient({ tool, principal, argsHash, account })
    const decide = (made: Made | undefined): Decided<Decision> => {
      if (made !== undefined && isRefusal(made)) {
        return { decision: { kind: 'refused', refusal: made } }
      }
      const slot = findSlot(given, account, argsHash)
      if (slot.kind !== 'free') return { decision: slot }
      const objection = objectionTo({ plan, tool: tool.name, prepared: made }, account)
      if (objection !== undefined) return { decision: { kind: 'refused', refusal: objection } }
      const { effectKey, round } = slot
      if (made === undefined) {
        return { make: () => plan.prepare({ effectKey, round }), atOnce: decide }
      }
      const claim = claimOf(plan, made, ledger)
      const entry = rules.claim(ledger, { ...about, effectKey, round }, claim)
      options.crash('tool.claim.before_commit')
      return { decision: { kind: 'claimed', entry, prepared: made } }
    }
    const decision = await options.inTurn(decide)
    if (decision.kind !== 'claimed') return decision
    const { prepared } = decision
    const maySend = (): Refusal | undefined =>
      fenceOf(account) ??
      killRefusal(ledger, { tenant: undefined, tool: tool.name, plan }) ??
      closedFor(account)
    const entry = await carrier.carryOut({ entry: decision.entry, plan, prepared, maySend })
    return { kind: 'settled', entry }
  }
}

type Slot =
  | Exclude<Decision, { kind: 'claimed' }>
  | { kind: 'free'; effectKey: string; round: number }

/** The slot of this intent: what it has come to, or its next round when nothing came of it. */
function findSlot(given: Parameters<ClientCall>[0], { ledger }: Account, argsHash: string): Slot {
  const { principal, idempotencyKey, intent } = given
  if (idempotencyKey === undefined && intent === undefined) {
    const detail = 'This tool needs an idempotency key: the same key for the same intent.'
    return { kind: 'refused', refusal: { code: 'IDEMPOTENCY_KEY_INVALID', detail } }
  }
  const base =
    idempotencyKey === undefined
      ? `client:${principal}:intent:${intent}`
      : `client:${principal}:key:${idempotencyKey}`
  const latest =
    idempotencyKey === undefined
      ? ledger.entries.latestOfIntent(base)
      : ledger.entries.ofKey(base)[0]
  if (latest === undefined) return { kind: 'free', effectKey: base, round: 1 }
  if (isClosedWithoutEffect(latest.state)) {
    return { kind: 'free', effectKey: latest.effectKey, round: latest.round + 1 }
  }
  const age = ledger.now() - (latest.claimedMs ?? 0)
  if (idempotencyKey === undefined && latest.state === 'CONFIRMED' && age >= INTENT_MS) {
    return { kind: 'free', effectKey: `${base}@${ledger.now()}`, round: 1 }
  }
  if (latest.state === 'CLAIMED') {
    const detail = 'This very call is being acted on.'
    return { kind: 'refused', refusal: { code: 'IN_PROGRESS', detail } }
  }
  if (latest.argsHash !== argsHash && idempotencyKey !== undefined) {
    const detail = 'This idempotency key came with other arguments.'
    return { kind: 'refused', refusal: { code: 'IDEMPOTENCY_CONFLICT', detail } }
  }
  return { kind: 'settled', entry: latest }
}

function aboutClient(given: {
  tool: EffectTool
  principal: string
  argsHash: string
  account: Account
}): Omit<EntryAbout, 'effectKey' | 'round'> {
  const { account } = given
  return {
    grantId: newId(),
    argsHash: given.argsHash,
    account: account.name,
    tool: given.tool.name,
    mode: account.backend.isLive ? 'live' : 'paper',
    scope: { principal: given.principal },
    boot: account.ledger.boot,
    incarnation: '',
    isSimulated: !account.backend.isLive,
  }
}

function objectionTo(
  call: { plan: EffectPlan; tool: string; prepared: PreparedRequest | undefined },
  account: Account,
): Refusal | undefined {
  const { plan, tool, prepared } = call
  const { ledger } = account
  // Of everything alone: it belongs to no tenant.
  const tenant = undefined
  return (
    fenceOf(account) ??
    killRefusal(ledger, { tenant, tool, plan }) ??
    // Without a grant nobody has allowed what the tool forbids by default.
    plan.checkLimits({ ai_label_required: true }) ??
    (prepared && findWindowRefusal({ plan, prepared, ledger, tenant })) ??
    closedFor(account)
  )
}

function fenceOf({ ledger, name: account }: Account): Refusal | undefined {
  const scope = scopesOf({ account }).find((name) => ledger.fences.get(name)?.isStopped)
  return scope === undefined
    ? undefined
    : { code: 'FENCED', detail: `A stop of "${scope}" fences this server.` }
}

function closedFor({ gate }: Account): Refusal | undefined {
  const closed = gate.refusal()
  return closed && { code: closed.code, detail: closed.message }
}
