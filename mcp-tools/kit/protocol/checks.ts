import { effectKey } from '@chimera/contracts/effect'
import { GRANT_SECONDS, type GrantClaims } from '@chimera/contracts/grant'
import { killedBy } from '@chimera/contracts/judging/kill'

import { MAX_JUMP_MS } from '../ledger/steady-clock.ts'
import type { PreparedRequest, Refusal } from '../provider/exchange.ts'
import type { AccountWindow, EffectPlan } from './effect-tool.ts'
import type { Account, GrantedCall } from './granted-call.ts'
import { scopesOf } from './scopes.ts'

/**
 * Why a grant does not act. `void`: it never will, and a tombstone says so in the same commit.
 * `refuse`: nothing is said of the grant; the right call, or another boot, may still have an
 * answer.
 */
export type Objection = Refusal & Readonly<{ kind: 'refuse' | 'void' }>
export type Check = (call: GrantedCall, account: Account) => Objection | undefined

/** Name of the hold that a provider's 429 leaves. */
export const PROVIDER_HOLD = 'provider'

const isKeyHeld: Check = ({ key }, { keys }) =>
  keys.holds(key) ? undefined : refuse('GRANT_INVALID', 'The key of this grant has been dropped.')

const isOpen: Check = (_call, { gate }) => {
  const closed = gate.refusal()
  return closed && refuse(closed.code, closed.message)
}

const isForThisServer: Check = ({ claims, tool }, account) => {
  if (claims.aud !== account.name) {
    return refuse('GRANT_INVALID', 'The grant is for another account.')
  }
  if (claims.tool !== tool.name) {
    return refuse('GRANT_INVALID', `The grant is for the tool ${claims.tool}.`)
  }
  const { tenant, goal, slot, mode } = claims
  const key = effectKey({ tenant, account: claims.aud, goal, slot, tool: claims.tool, mode })
  if (key !== claims.effect_key) {
    return refuse('GRANT_INVALID', 'The effect key of the grant is not that of its slot.')
  }
  const isShort = claims.exp > claims.iat && claims.exp - claims.iat <= GRANT_SECONDS
  return isShort ? undefined : refuse('GRANT_INVALID', `A grant lives ${GRANT_SECONDS} s at most.`)
}

/** What is asked before the ledger is looked up: whether to believe the grant at all. */
export const CREDENTIAL_CHECKS: readonly Check[] = [isKeyHeld, isOpen, isForThisServer]

const isThisBoot: Check = ({ claims }, { ledger }) =>
  claims.boot === ledger.boot && claims.ledger_id === ledger.id
    ? undefined
    : refuse('BOOT_CHANGED', 'The grant was made for an earlier start of this server.')

/** Whether the grant is of the life of the record that the server was opened for. */
export const isThisRecord: Check = ({ claims }, { gate }) => {
  const state = gate.state()
  // No tombstone: the living record may grant the very round that a dead one had granted.
  return state.isOpen && state.incarnation === claims.incarnation
    ? undefined
    : refuse('INCARNATION_CHANGED', 'The grant is from before the record was restored.')
}

const isThisDefinition: Check = ({ claims, tool }) =>
  claims.definition_hash === tool.definitionHash
    ? undefined
    : voided('GRANT_INVALID', `The definition of ${tool.name} is not the one that was granted.`)

const areTheseArguments: Check = ({ claims, argsHash }) =>
  claims.args_hash === argsHash
    ? undefined
    : refuse('GRANT_INVALID', 'The arguments of the call are not those of its grant.')

const isModeAllowed: Check = ({ claims }, { backend }) => {
  if (claims.mode === 'dry') return undefined
  const isLive = claims.mode === 'live'
  if (isLive === backend.isLive) return undefined
  const kind = backend.isLive ? 'live' : 'simulated'
  return voided('MODE_FORBIDDEN', `Mode ${claims.mode} does not act on a ${kind} back end.`)
}

const isNotFenced: Check = ({ claims }, { ledger }) => {
  const scope = ledger.fences.findFenced(
    scopesOf({ ...claims, account: claims.aud }),
    claims.fences,
  )
  return scope === undefined
    ? undefined
    : voided('FENCED', `A stop of "${scope}" fences this grant.`)
}

/**
 * Whether the kill level lets the call through, as it stands in the running commit. By the
 * arguments that were planned: what is sent is made from them alone.
 */
export const isBelowKillLevel: Check = ({ claims, tool, planned }, { ledger }) => {
  if (planned.plan === undefined) return undefined
  const killed = killRefusal(ledger, { tenant: claims.tenant, tool: tool.name, plan: planned.plan })
  return killed && { kind: 'void', ...killed }
}

/** Why the kill level forbids a call. Reads the ledger: what cannot be read is no permission. */
export function killRefusal(
  ledger: Account['ledger'],
  call: { tenant: string | undefined; tool: string; plan: Pick<EffectPlan, 'args'> },
): Refusal | undefined {
  const args: unknown = JSON.parse(call.plan.args)
  const detail = killedBy({ level: ledger.kill.levelFor(call.tenant), tool: call.tool, args })
  return detail === undefined ? undefined : { code: 'KILL_LEVEL', detail }
}

const isNotExpired: Check = ({ claims }, { ledger }) => {
  const nowMs = ledger.clock.now()
  if (claims.iat * 1000 > nowMs + MAX_JUMP_MS) {
    // Signed before a clock was put back: by now it may be long expired. Whichever of the two is
    // wrong, no later grant is any better, until a hello shows that they agree again.
    ledger.clock.doubt(claims.iat * 1000)
    return refuse('CLOCK_JUMP', 'The grant is from the future of this server.')
  }
  return isExpired(claims, nowMs)
    ? voided('GRANT_EXPIRED', 'The grant has expired by the clock of this server.')
    : undefined
}

const isPlanned: Check = ({ planned }) =>
  planned.refusal === undefined ? undefined : { kind: 'void', ...planned.refusal }

const isWithinLimits: Check = ({ claims, planned }) => {
  const { plan } = planned
  if (plan === undefined) return undefined
  const max = claims.limits.max_cost_usd_micros
  if (max !== undefined && plan.costUsdMicros > BigInt(max)) {
    return voided(
      'LIMIT_EXCEEDED',
      `It costs ${plan.costUsdMicros} USD micros; ${max} are granted.`,
    )
  }
  const refusal = plan.checkLimits(claims.limits)
  return refusal && { kind: 'void', ...refusal }
}

const isWindowFree: Check = ({ claims, planned, prepared }, { ledger }) => {
  // A rehearsal neither waits for the account nor uses it up; without bytes nothing is claimed yet.
  if (planned.plan === undefined || prepared === undefined || claims.mode === 'dry')
    return undefined
  const { tenant } = claims
  const refusal = findWindowRefusal({ plan: planned.plan, prepared, ledger, tenant })
  return refusal && { kind: 'void', ...refusal }
}

/** What is asked, in this order, of a grant that the ledger has never seen. */
export const CLAIM_CHECKS: readonly Check[] = [
  isThisBoot,
  isThisRecord,
  isThisDefinition,
  areTheseArguments,
  isModeAllowed,
  isNotFenced,
  isBelowKillLevel,
  isNotExpired,
  isPlanned,
  isWithinLimits,
  isWindowFree,
]

/** A hold by the provider, then the tool's own cooldown and windows. */
export function findWindowRefusal(given: {
  plan: EffectPlan
  prepared: PreparedRequest
  ledger: Account['ledger']
  tenant: string | undefined
}): Refusal | undefined {
  const window = windowOf(given.ledger, given.tenant)
  const heldMs = window.heldUntilMs - window.nowMs
  const refusal = given.plan.checkWindow(window, given.prepared)
  if (heldMs <= 0 || heldMs < (refusal?.retryAfterMs ?? 0)) return refusal
  const detail = 'The provider limits the rate of this account.'
  return { code: 'COOLDOWN_ACTIVE', detail, retryAfterMs: heldMs }
}

/** The account's own counters, as they stand in the running commit. */
export function windowOf(
  { entries, holds, kill, now }: Account['ledger'],
  tenant?: string,
): AccountWindow {
  const nowMs = now()
  return {
    nowMs,
    killLevel: kill.levelFor(tenant),
    heldUntilMs: holds.until(PROVIDER_HOLD) ?? 0,
    lastLeftBy: entries.lastLeftBy,
    roomAtMs: (tool, limit, ms) => {
      if (entries.countSince(tool, nowMs - ms) < limit) return nowMs
      const oldest = entries.leftByOfLatest(tool, limit)
      // Full of effects that may still happen: there is no time to name, so a whole window is.
      return oldest === undefined || oldest + ms <= nowMs ? nowMs + ms : oldest + ms
    },
    spent: (of) => entries.spentIn({ ...of, nowMs }),
    firstSentTo: entries.firstSentTo,
  }
}

/** Asked once more in the step that writes to the socket. */
export type MaySend = (
  claims: GrantClaims,
  account: Account,
  plan: Pick<EffectPlan, 'args'>,
) => Refusal | undefined

/**
 * What can have changed between the claim and the write: the time, a stop, the kill level, the file
 * below the lock. Synchronous; reads memory, one row and one stat.
 */
export const maySend: MaySend = (claims, { ledger, gate }, plan) => {
  if (isExpired(claims, ledger.clock.now())) {
    return { code: 'GRANT_EXPIRED', detail: 'The grant expired before anything was written.' }
  }
  const scope = ledger.fences.findFenced(
    scopesOf({ ...claims, account: claims.aud }),
    claims.fences,
  )
  if (scope !== undefined) {
    return { code: 'FENCED', detail: `A stop of "${scope}" came before anything was written.` }
  }
  const killed = killRefusal(ledger, { tenant: claims.tenant, tool: claims.tool, plan })
  if (killed !== undefined) return killed
  const closed = gate.refusal()
  return closed && { code: closed.code, detail: closed.message }
}

function isExpired(claims: GrantClaims, nowMs: number): boolean {
  return claims.exp * 1000 <= nowMs
}

function refuse(code: Refusal['code'], detail: string): Objection {
  return { kind: 'refuse', code, detail }
}

function voided(code: Refusal['code'], detail: string): Objection {
  return { kind: 'void', code, detail }
}
