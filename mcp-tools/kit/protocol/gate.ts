import {
  DeniedError,
  RetryableError,
  TerminalError,
  type ChimeraError,
  type ErrorCode,
} from '@chimera/contracts/errors'
import type { HelloClaims } from '@chimera/contracts/grant'

import { EVERYTHING } from '../ledger/fences.ts'
import type { Ledger } from '../ledger/ledger.ts'
import { MAX_JUMP_MS } from '../ledger/steady-clock.ts'
import type { GrantKeys } from './grant-keys.ts'
import type { Rules } from './rules.ts'
import { HELLO, verifyWord } from './verify-word.ts'

/** Whether the server acts, and for which life of the record; or why it does not. */
export type GateState = Readonly<{ isOpen: true; incarnation: string }> | Closed
type Closed = Readonly<{ isOpen: false; code: ErrorCode; reason: string }>

/** Closed after every start, until the Judge's signed hello for this very boot. */
export type Gate = Readonly<{
  state: () => GateState
  /**
   * Answers the state that it led to. Throws for a hello that is not for this start of this server.
   */
  admitHello: (jws: string) => Promise<GateState>
  /** The word for a call that comes while it is closed. */
  refusal: () => ChimeraError | undefined
  /**
   * Why the provider may not be asked about open effects; it may while closed for an adoption, and
   * for a doubt.
   */
  lookRefusal: () => ChimeraError | undefined
  /**
   * The record that this server is open for knows less than the ledger. Within a commit: raises the
   * ledger's own fence, and closes until a person has seen it.
   */
  doubtRecord: (why: string) => void
  /** Within a commit: a person has resumed everything, at a higher epoch. */
  vouchForRecord: () => void
  /** Whether an adoption is asked for; a started one may be completed. */
  isBehind: () => boolean
  /** The record's knowledge has been written: closed until it is settled, and a new hello comes. */
  noteAdopted: () => void
}>

export type GateParts = Readonly<{
  rules: Pick<Rules, 'behindOf'>
  ledger: Ledger
  account: string
  keys: GrantKeys
  alarm: (facts: Record<string, unknown>, message: string) => void
}>

/** What a look brought cannot be written on a full disk; so it is looked again. */
const MAY_LOOK: ReadonlySet<ErrorCode> = new Set(['RECORD_BEHIND', 'LEDGER_UNWRITABLE'])

const WAITING: Closed = { isOpen: false, code: 'SERVER_CLOSED', reason: 'waits for its hello' }

export function createGate({ ledger, account, keys, rules, alarm }: GateParts): Gate {
  let heard: GateState = WAITING
  const state = (): GateState => lasting(ledger, account) ?? heard
  const doubtRecord = (incarnation: string, why: string): void => {
    if (ledger.doubt.of() === incarnation) return
    ledger.doubt.raise(incarnation)
    const epoch = (ledger.fences.get(EVERYTHING)?.epoch ?? 0) + 1
    ledger.fences.raise(EVERYTHING, { epoch, isStopped: true })
    heard = closed('RECORD_BEHIND', why)
    const message = 'the record knows less than this ledger: was it restored by hand?'
    alarm({ account, incarnation, why, fence: epoch }, message)
  }
  const admit = (claims: HelloClaims): GateState => {
    const stale = staleness(ledger, claims)
    const behind = rules.behindOf(ledger, claims)
    if (behind !== undefined) return closed('LEDGER_BEHIND', behind)
    if (stale !== undefined) return closed('CLOCK_JUMP', stale)
    ledger.transact(() => {
      const lacking = missingIn(claims, ledger)
      if (lacking !== undefined) doubtRecord(claims.incarnation, lacking)
      const doubted = ledger.doubt.of()
      // The next life of a record has imported this ledger: the restore was declared.
      if (doubted !== undefined && doubted !== claims.incarnation) ledger.doubt.end()
      if (doubted === claims.incarnation || lacking !== undefined) return
      takeHello(ledger, claims)
    })
    if (ledger.doubt.of() !== undefined) return closed('RECORD_BEHIND', DOUBTED)
    // What was adopted is settled first, and then a new hello is due.
    if (adoptionOf(ledger) !== undefined) return WAITING
    return { isOpen: true, incarnation: claims.incarnation }
  }
  return {
    state,
    admitHello: async (jws) => {
      const { claims } = await verifyWord(HELLO, jws, keys)
      checkAddressee(claims, { ledger, account })
      if (!ledger.isInPlace()) return state()
      heard = admit(claims)
      return state()
    },
    refusal: () => refusalFor(state()),
    lookRefusal: () => {
      const now = state()
      if (now.isOpen) return undefined
      // While the time is not certain, no bound can be over.
      const isTimeSure = ledger.clock.isProven() && ledger.clock.jumpedMs() === undefined
      const isWaiting = MAY_LOOK.has(now.code) || adoptionOf(ledger) !== undefined
      return isTimeSure && isWaiting ? undefined : refusalFor(now)
    },
    doubtRecord: (why) => {
      if (heard.isOpen) doubtRecord(heard.incarnation, why)
    },
    vouchForRecord: () => {
      const doubted = ledger.doubt.of()
      if (doubted === undefined) return
      ledger.boots.vouchFor(doubted)
      ledger.doubt.end()
      heard = WAITING
    },
    isBehind: () => {
      const now = state()
      return !now.isOpen && now.code === 'LEDGER_BEHIND' && ledger.isInPlace()
    },
    noteAdopted: () => {
      heard = WAITING
    },
  }
}

/** A server that outside clients use without grants answers to nobody's record. */
export function openGate(ledger: Ledger): Gate {
  // Nobody tells it the time; a jump is bridged by the monotonic clock until the next start.
  ledger.proveClock()
  const state = (): GateState => {
    if (!ledger.isInPlace()) return LEDGER_GONE
    return unwritable(ledger) ?? { isOpen: true, incarnation: '' }
  }
  const refusal = () => refusalFor(state())
  return {
    state,
    admitHello: async () => {
      throw new DeniedError('GRANT_INVALID', 'This server takes no grants, so it takes no hello.')
    },
    refusal,
    lookRefusal: refusal,
    doubtRecord: () => {},
    vouchForRecord: () => {},
    isBehind: () => false,
    noteAdopted: () => {},
  }
}

/**
 * A ledger that was deleted or replaced under its holder: the next start would see another one, so
 * neither a claim nor a tombstone in this one is worth anything. Looked at before each word.
 */
const LEDGER_GONE = closed(
  'LEDGER_BEHIND',
  'the file of the ledger is not the one that this server holds',
)

/** What keeps a server closed whatever it has heard. */
function lasting(ledger: Ledger, account: string): Closed | undefined {
  if (ledger.account !== account) {
    return closed('WRONG_ACCOUNT', `the ledger is of the account ${ledger.account}`)
  }
  if (!ledger.isInPlace()) return LEDGER_GONE
  if (ledger.doubt.of() !== undefined) return closed('RECORD_BEHIND', DOUBTED)
  const adoption = adoptionOf(ledger)
  if (adoption !== undefined) return adoption
  const jumpedMs = ledger.clock.jumpedMs()
  if (jumpedMs !== undefined) {
    return closed('CLOCK_JUMP', `its clock jumped by ${jumpedMs} ms; it waits for a new hello`)
  }
  return unwritable(ledger)
}

/** No claim can be made, and no outcome written; it opens by itself when there is room again. */
function unwritable(ledger: Ledger): Closed | undefined {
  const why = ledger.unwritable()
  return why === undefined ? undefined : closed('LEDGER_UNWRITABLE', why)
}

const DOUBTED = 'the record knows less than the ledger; restore it, or resume it knowingly'

/** The word a closed server has for a call. */
export function refusalFor(state: GateState): ChimeraError | undefined {
  if (state.isOpen) return undefined
  const message = `The tool server is closed: ${state.reason}.`
  return state.code === 'WRONG_ACCOUNT'
    ? new TerminalError(state.code, message)
    : new RetryableError(state.code, message)
}

function closed(code: ErrorCode, reason: string): Closed {
  return { isOpen: false, code, reason }
}

function checkAddressee(claims: HelloClaims, of: { ledger: Ledger; account: string }): void {
  const { ledger, account } = of
  if (claims.aud !== account || claims.ledger_id !== ledger.id) {
    throw new DeniedError('GRANT_INVALID', 'The hello is for another account or ledger.')
  }
  if (claims.boot !== ledger.boot) {
    throw new RetryableError('BOOT_CHANGED', 'The hello is for an earlier start of this server.')
  }
}

/**
 * A hello says what time it is as well: the record's clock and this server's have to agree, or
 * neither expiry nor absence mean anything.
 */
function staleness(ledger: Ledger, { iat }: HelloClaims): string | undefined {
  const apartMs = ledger.wall() - iat * 1_000
  if (Math.abs(apartMs) <= MAX_JUMP_MS) {
    ledger.proveClock()
    return undefined
  }
  return `its clock is ${apartMs} ms off the hello's; it waits for a new hello`
}

/** Within a commit: what the record knows of stops and kill levels holds here as well. */
function takeHello(ledger: Ledger, claims: HelloClaims): void {
  ledger.boots.noteHello(ledger.boot, claims.incarnation, ledger.now())
  for (const [scope, epoch] of Object.entries(claims.fences)) {
    // An epoch alone fences what was granted below it; whether the stop still stands is the
    // Judge's to know, who grants nothing while it does.
    ledger.fences.raise(scope, { epoch, isStopped: false })
  }
  const word = { reason: 'as the record has it', actor: 'judge', atMs: ledger.now() }
  ledger.kill.takeFromRecord(claims.kill, { ...word, isSigned: true })
}

/** A boot that this life of the record opened, and does not know any more. */
function missingIn(claims: HelloClaims, ledger: Ledger): string | undefined {
  const known = new Set(claims.known_boots)
  const lacking = ledger.boots.greetedBy(claims.incarnation).find((boot) => !known.has(boot))
  return lacking === undefined ? undefined : `the record lacks the boot ${lacking} that it opened`
}

/** Adopted effects that nobody can tell of keep the server closed: they may still be seen. */
function adoptionOf(ledger: Ledger): Closed | undefined {
  const open = ledger.entries.adoptedUnknown()
  return open === 0
    ? undefined
    : closed('LEDGER_BEHIND', `${open} adopted effects are still UNKNOWN; they are looked up`)
}
