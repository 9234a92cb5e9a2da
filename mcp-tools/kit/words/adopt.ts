import { canonicalHash, canonicalJson } from '@chimera/contracts/canonical'
import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { GRANT_SECONDS, type AdoptClaims } from '@chimera/contracts/grant'

import type { Adopted } from '../ledger/entry-writes.ts'
import { isClosedWithoutEffect, type Entry } from '../ledger/entry.ts'
import { MAX_JUMP_MS } from '../ledger/steady-clock.ts'
import type { EffectTool } from '../protocol/effect-tool.ts'
import { aboutGrant, type Account } from '../protocol/granted-call.ts'
import { ADOPT, verifyWord } from '../protocol/verify-word.ts'
import type { Spend } from '../provider/exchange.ts'

/**
 * `chimera tools adopt`: what the record knows of the account, written into a ledger that is new or
 * older than what the record has seen (design.md section 5).
 */
export type AdoptRecord = (jws: string) => Promise<void>

type AdoptedEffect = AdoptClaims['effects'][number]

/** A round whose tool is gone is held to the longest that any send here takes. */
const UNKNOWN_DEADLINE_MS = 60_000

/**
 * One commit: every effect that may have been sent as UNKNOWN, what still counts in windows, and
 * with the last page the boots and the number to go on from: until then the ledger is behind. Then
 * they are looked up like any other. A server that is not behind has nothing to adopt, so that a
 * word carried twice does nothing. Throws WRONG_ACCOUNT, BOOT_CHANGED, CLOCK_JUMP, GRANT_INVALID,
 * and LEDGER_BEHIND for a page that comes before an earlier one.
 */
export function createAdopt(options: {
  account: Account
  tools: readonly EffectTool[]
  alarm: (facts: Record<string, unknown>, message: string) => void
}): AdoptRecord {
  const { account } = options
  const { ledger, gate } = account
  /** The pages that this start has taken; after another one they are carried again. */
  let taken = { jti: '', pages: 0 }
  return async (jws) => {
    const { claims } = await verifyWord(ADOPT, jws, account.keys)
    ledger.transact(() => {
      checkLedger(claims, account)
      if (!gate.isBehind()) return
      const { jti, page = { n: 1, of: 1 } } = claims
      const before = taken.jti === jti ? taken.pages : 0
      if (page.n > before + 1) {
        const message = `Page ${page.n} of the adoption came, page ${before + 1} is due.`
        throw new RetryableError('LEDGER_BEHIND', message)
      }
      for (const effect of claims.effects) {
        const fault = adoptOne({ effect, claims, account, tools: options.tools })
        if (fault === undefined) continue
        const { grant_id, effect_key, round, goal } = effect
        options.alarm({ grant_id, effect_key, round, goal }, fault)
      }
      taken = { jti, pages: Math.max(before, page.n) }
      if (page.n < page.of) return
      ledger.raiseSeq(claims.highest_seq)
      ledger.boots.adopt(claims.known_boots, ledger.boot, ledger.now())
      brake(account)
      gate.noteAdopted()
    })
  }
}

/** From here on only what reduces passes (requirements 4.4: DEFENSIVE). */
const DEFENSIVE = 2

/**
 * The ledger that was lost knew how far somebody had pulled the brake, this one does not: until the
 * operator has looked, nothing is opened.
 */
function brake({ ledger }: Account): void {
  const reason = 'The ledger was lost or is older: its kill level is not known.'
  ledger.kill.raise({ level: DEFENSIVE, reason, actor: 'adoption', atMs: ledger.now() })
}

function checkLedger(claims: AdoptClaims, { name, ledger }: Account): void {
  if (claims.aud !== name || ledger.account !== name) {
    const message = `This server acts for ${name}; its ledger is of ${ledger.account}.`
    throw new TerminalError('WRONG_ACCOUNT', message)
  }
  if (claims.boot !== ledger.boot || claims.ledger_id !== ledger.id) {
    throw new RetryableError('BOOT_CHANGED', 'It was signed for an earlier start of this server.')
  }
  if (!ledger.clock.isProven() || ledger.clock.jumpedMs() !== undefined) {
    // The bounds of what is adopted count from now on.
    throw new RetryableError('CLOCK_JUMP', 'The server waits for a hello that tells it the time.')
  }
}

type Given = Readonly<{
  effect: AdoptedEffect
  claims: AdoptClaims
  account: Account
  tools: readonly EffectTool[]
}>

/** Writes one effect; answers what is wrong where record and ledger contradict one another. */
function adoptOne(given: Given): string | undefined {
  const { effect, claims, account } = given
  const { entries } = account.ledger
  const own = entries.byGrant(effect.grant_id)
  const wanted = adoptedOf(given)
  if (own !== undefined) return reviseOwn(own, wanted, account)
  const rounds = entries.ofKey(effect.effect_key)
  const highest = rounds[0]
  if (highest !== undefined && highest.round >= effect.round) {
    return `The ledger has round ${highest.round} of this slot under another grant.`
  }
  for (const each of rounds) {
    const { round, state } = each
    if (isClosedWithoutEffect(state)) continue
    if (state !== 'UNKNOWN' && state !== 'NEEDS_HUMAN') {
      return `Round ${round} holds this slot as ${state}; the record has granted a later one.`
    }
    const detail = 'The record has granted a later round.'
    const settledMs = account.ledger.now()
    entries.settle(each, { state: 'NOT_HAPPENED', detail, settledMs })
  }
  const { aud, incarnation } = claims
  const about = aboutGrant({ ...effect, jti: effect.grant_id, aud, incarnation }, account)
  entries.adopt({ ...about, boot: effect.granted_boot }, wanted)
  return wanted.state === 'NEEDS_HUMAN' ? wanted.detail : undefined
}

/** An older copy of the ledger may know the beginning of what the record knows the end of. */
function reviseOwn(own: Entry, wanted: Adopted, { ledger }: Account): string | undefined {
  if (own.state !== 'UNKNOWN' && own.state !== 'NEEDS_HUMAN') return undefined
  const { providerRef, settledMs } = wanted
  if (wanted.state === 'CONFIRMED' && providerRef !== undefined) {
    ledger.entries.settle(own, { state: 'CONFIRMED', settledMs, providerRef })
  } else if (own.state === 'UNKNOWN' && wanted.state === 'NEEDS_HUMAN') {
    // The record knows that nothing here can be looked for: looks must not "prove" it absent.
    const detail = wanted.detail ?? 'Only a person can tell what became of it.'
    const human = { state: 'NEEDS_HUMAN', detail, settledMs: ledger.now() } as const
    ledger.entries.settle(own, human)
  } else if (own.state === 'UNKNOWN') {
    ledger.entries.markAdopted(own.grantId, wanted)
  }
  return undefined
}

function adoptedOf({ effect, account, tools }: Given): Adopted {
  const { ledger } = account
  const tool = tools.find(({ name }) => name === effect.tool)
  // Arguments that are not those of the grant would be looked for in vain.
  const isTrue = canonicalHash(effect.args) === effect.args_hash
  const plan = isTrue ? tool?.plan(effect.args).plan : undefined
  const deadlineMs = plan?.deadlineMs ?? UNKNOWN_DEADLINE_MS
  const times = timesOf(effect, deadlineMs)
  const shape = {
    ...times,
    args: isTrue ? canonicalJson(effect.args) : undefined,
    content: plan?.content,
    costUsdMicros: effect.mode === 'dry' ? 0n : plan?.costUsdMicros,
    facts: effect.facts,
    // As its receipt said; as planned where none came.
    spends: effect.spends?.map(spendOf) ?? plan?.spends,
    deadlineMs,
    adoptedMs: ledger.now(),
  }
  if (effect.state === 'CONFIRMED') return { ...shape, ...confirmedOf(effect, account) }
  if (effect.mode === 'dry') {
    return { ...shape, state: 'VOID', detail: 'A rehearsal reached nobody.', code: 'BOOT_CHANGED' }
  }
  if (plan === undefined) {
    const detail = 'The record has no arguments that this server could look for.'
    return { ...shape, state: 'NEEDS_HUMAN', detail }
  }
  const detail = 'The ledger that held this round was lost; the record remembers it.'
  return { ...shape, state: 'UNKNOWN', code: 'OUTCOME_UNKNOWN', detail }
}

function spendOf(wire: NonNullable<AdoptedEffect['spends']>[number]): Spend {
  const { asset, amount, usd_micros: usdMicros, recipient } = wire
  const spend = { asset, amount: BigInt(amount), usdMicros: BigInt(usdMicros) }
  return recipient === undefined ? spend : { ...spend, recipient }
}

function confirmedOf(
  { provider_ref: ref, grant_id: grantId }: AdoptedEffect,
  { ledger, name }: Account,
): Pick<Adopted, 'state' | 'providerRef' | 'detail'> {
  if (ref === undefined) return { state: 'CONFIRMED' }
  const holder = ledger.entries.byProviderRef(name, ref)
  if (holder === undefined || holder.grantId === grantId) {
    return { state: 'CONFIRMED', providerRef: ref }
  }
  return { state: 'NEEDS_HUMAN', detail: `${ref} stands in this ledger for another effect.` }
}

/**
 * Without a receipt it can have been claimed in the last moment of its grant, by a clock that was
 * off by as much as a hello allows, and be on its way until the deadline of the send.
 */
function timesOf(effect: AdoptedEffect, deadlineMs: number) {
  const grantedMs = effect.granted_at * 1_000
  const claimedMs = effect.claimed_at === undefined ? grantedMs : Date.parse(effect.claimed_at)
  const settledMs = effect.settled_at === undefined ? undefined : Date.parse(effect.settled_at)
  const lastMs =
    effect.claimed_at === undefined
      ? grantedMs + GRANT_SECONDS * 1_000 + MAX_JUMP_MS + deadlineMs
      : claimedMs + deadlineMs
  const leftByMs =
    effect.state === 'CONFIRMED' && settledMs !== undefined
      ? settledMs
      : Math.max(lastMs, settledMs ?? 0)
  return { claimedMs, leftByMs, settledMs: settledMs ?? leftByMs }
}
