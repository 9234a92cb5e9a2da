import { canonicalHash, sha256 } from '@chimera/contracts/canonical'
import type { CrashPoint } from '@chimera/contracts/crash-points'
import { InvariantError } from '@chimera/contracts/errors'

import type { Entry } from '../ledger/entry.ts'
import type { Refusal } from '../provider/exchange.ts'
import { isRefusal, type Made } from '../turns/prepare.ts'
import type { Decided, InTurn } from '../turns/turns.ts'
import type { Carrier } from './carrier.ts'
import { isThisRecord, type Objection } from './checks.ts'
import type { EffectTool } from './effect-tool.ts'
import { aboutGrant, claimOf, type Account, type GrantedCall } from './granted-call.ts'
import type { SignReceipt } from './receipts.ts'
import type { Rules } from './rules.ts'
import { GRANT, verifyWord } from './verify-word.ts'

/** The answer to one call of a mutating tool. */
export type EffectReply =
  /** What the ledger says of this very effect. */
  | Readonly<{ kind: 'settled'; entry: Entry; receipt?: string }>
  /** No word on this effect; `receipt` is of the grant that holds its slot, if one does. */
  | Readonly<{ kind: 'refused'; refusal: Refusal; receipt?: string }>

export type EffectCall = (
  given: Readonly<{ grant: string; tool: EffectTool; args: unknown }>,
) => Promise<EffectReply>

type Decision =
  | Readonly<{ kind: 'claimed'; entry: Entry }>
  | Readonly<{ kind: 'settled'; entry: Entry }>
  | Readonly<{ kind: 'refused'; refusal: Refusal; holder?: Entry; isAlarm?: boolean }>

/** A decision, and the call with whatever was made for it. */
type Told = Readonly<{ call: GrantedCall; decision: Decision }>

/**
 * A mutating call with a grant, in the order of design.md section 5 item 2: signature and bytes
 * first, then one ledger commit that decides and claims, then the send, then the receipt. The
 * account's turns cover the bytes and the claim; not the send, or one slow provider would hold up
 * every answer. What is decided without bytes (a grant that is known, or that never acts) costs no
 * look at the provider; with them everything is decided again. Throws ChimeraError GRANT_INVALID
 * for a grant that the Judge did not sign.
 */
export function createEffectCall(options: {
  account: Account
  rules: Rules
  inTurn: InTurn
  carrier: Carrier
  sign: SignReceipt
  crash: (label: CrashPoint) => void
  /** Something that a sound record and ledger cannot come to. */
  alarm: (facts: Record<string, unknown>, message: string) => void
}): EffectCall {
  const { account, rules, carrier, sign } = options

  const tellOf = (call: GrantedCall, made: Decision | Ready): Decided<Told> => {
    if (made.kind === 'ready') {
      const { make, atOnce } = made
      return { make, atOnce: (bytes) => tellOf(withMade(call, bytes), atOnce(bytes)) }
    }
    if (made.kind === 'claimed') options.crash('tool.claim.before_commit')
    return { decision: { call, decision: made } }
  }
  const decideInTurn = async (given: { grant: string; tool: EffectTool; args: unknown }) => {
    const { claims, key } = await verifyWord(GRANT, given.grant, account.keys)
    options.crash('tool.grant.verified')
    const { tool, args } = given
    const planned = tool.plan(args)
    // A plan's arguments are those that came, in their canonical form already.
    const argsHash = planned.plan === undefined ? canonicalHash(args) : sha256(planned.plan.args)
    const asked = { claims, key, tool, argsHash, planned, prepared: undefined }
    return options.inTurn((made) => {
      const call = made === undefined ? asked : withMade(asked, made)
      return tellOf(call, decide(call, account, rules))
    })
  }

  return async (given) => {
    const { call, decision } = await decideInTurn(given)
    if (decision.kind === 'refused') {
      const { refusal, holder } = decision
      if (decision.isAlarm === true) {
        options.alarm({ ...factsOf(call), code: refusal.code }, refusal.detail)
      }
      // What holds the slot may be in hand itself; then there is no word on it yet.
      const receipt =
        holder === undefined || holder.state === 'CLAIMED' ? undefined : await sign(holder)
      return { kind: 'refused', refusal, ...(receipt === undefined ? {} : { receipt }) }
    }
    const entry =
      decision.kind === 'settled'
        ? decision.entry
        : await carryOut({ call, entry: decision.entry, account, rules, carrier })
    return { kind: 'settled', entry, receipt: await sign(entry) }
  }
}

/** A tool that refuses to make the bytes has refused the call. */
function withMade(call: GrantedCall, made: Made): GrantedCall {
  return isRefusal(made) ? { ...call, planned: { refusal: made } } : { ...call, prepared: made }
}

async function carryOut(given: {
  call: GrantedCall
  entry: Entry
  account: Account
  rules: Rules
  carrier: Carrier
}): Promise<Entry> {
  const { call, account } = given
  const { planned, prepared, claims } = call
  const { plan } = planned
  if (plan === undefined || prepared === undefined) {
    throw new InvariantError('A call without bytes was claimed.')
  }
  return given.carrier.carryOut({
    entry: given.entry,
    plan,
    prepared,
    maySend: () => given.rules.maySend(claims, account, plan),
  })
}

/** Nothing speaks against it, and its bytes are not made yet. */
type Ready = Readonly<{
  kind: 'ready'
  make: () => Made | Promise<Made>
  /** Where nothing was awaited for the bytes: what the ledger knows need not be looked up again. */
  atOnce: (made: Made) => Decision | Ready
}>

/** Runs within one ledger commit and never awaits. */
function decide(call: GrantedCall, account: Account, rules: Rules): Decision | Ready {
  const { claims } = call
  const { entries } = account.ledger
  const doubt = firstObjection(rules.credentialChecks, call, account)
  if (doubt !== undefined) return { kind: 'refused', refusal: doubt }
  const found = rules.lookUp(
    {
      grantId: claims.jti,
      effectKey: claims.effect_key,
      round: claims.round,
      argsHash: claims.args_hash,
      closedRounds: claims.closed_rounds,
    },
    entries.byGrant(claims.jti),
    entries.ofKey(claims.effect_key),
  )
  if (found.kind === 'recorded') return { kind: 'settled', entry: found.entry }
  if (found.kind === 'none') {
    const { code, detail, holder, isAlarm = false } = found
    // A grant of an earlier life of the record is late, and says nothing of this one.
    const isOfThisRecord = isThisRecord(call, account) === undefined
    if (found.isGrantedTwice === true && isOfThisRecord) account.gate.doubtRecord(detail)
    const refusal = { code, detail }
    return { kind: 'refused', refusal, isAlarm, ...(holder === undefined ? {} : { holder }) }
  }
  return decideNew(call, found.toClose, { account, rules })
}

/** A round that the ledger has never seen. */
function decideNew(
  call: GrantedCall,
  toClose: readonly Entry[],
  of: { account: Account; rules: Rules },
): Decision | Ready {
  const { account, rules } = of
  const { claims } = call
  const objection = firstObjection(rules.claimChecks, call, account)
  if (objection?.kind === 'refuse') return { kind: 'refused', refusal: objection }
  if (objection !== undefined) return { kind: 'settled', entry: bury(call, account, objection) }
  const { plan } = call.planned
  if (call.prepared === undefined && plan !== undefined && claims.mode !== 'dry') {
    const { effect_key: effectKey, round } = claims
    return {
      kind: 'ready',
      make: () => plan.prepare({ effectKey, round }),
      atOnce: (made) => decideNew(withMade(call, made), toClose, of),
    }
  }
  for (const entry of toClose) closeByRecord(account, entry)
  return claim(call, account, rules)
}

function firstObjection(
  checks: Rules['claimChecks'],
  call: GrantedCall,
  account: Account,
): Objection | undefined {
  for (const check of checks) {
    const objection = check(call, account)
    if (objection !== undefined) return objection
  }
  return undefined
}

/** The tombstone without which a failed check would be no outcome. */
function bury(call: GrantedCall, account: Account, why: Refusal): Entry {
  const { ledger } = account
  const { code, detail, retryAfterMs } = why
  return ledger.entries.put(aboutGrant(call.claims, account), {
    state: 'VOID',
    code,
    detail,
    settledMs: ledger.now(),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs: Math.ceil(retryAfterMs) }),
  })
}

function closeByRecord(account: Account, entry: Entry): void {
  const { ledger } = account
  ledger.entries.settle(entry, {
    state: 'NOT_HAPPENED',
    detail: 'A later grant says that the record has closed this round.',
    settledMs: ledger.now(),
  })
}

function claim(call: GrantedCall, account: Account, rules: Rules): Decision {
  const { ledger } = account
  const { claims, planned, prepared } = call
  const { plan } = planned
  if (plan === undefined) throw new InvariantError('A call without a plan passed all checks.')
  const about = aboutGrant(claims, account)
  if (prepared !== undefined) {
    return { kind: 'claimed', entry: rules.claim(ledger, about, claimOf(plan, prepared, ledger)) }
  }
  // A rehearsal: no bytes, no price, nothing spent.
  const { args, content, deadlineMs } = plan
  const [claimedMs, claimedWallMs] = [ledger.now(), ledger.wall()]
  const costUsdMicros = '0'
  const dry = {
    args,
    content,
    deadlineMs,
    send: undefined,
    costUsdMicros,
    claimedMs,
    claimedWallMs,
  }
  const entry = rules.claim(ledger, about, dry)
  const done = { state: 'CONFIRMED', settledMs: ledger.now() } as const
  return { kind: 'settled', entry: ledger.entries.settle(entry, done) }
}

function factsOf({ claims }: GrantedCall): Record<string, unknown> {
  return {
    grant_id: claims.jti,
    effect_key: claims.effect_key,
    round: claims.round,
    goal: claims.goal,
    task: claims.task,
  }
}
