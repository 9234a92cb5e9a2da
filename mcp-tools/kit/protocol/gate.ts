import {
  DeniedError,
  RetryableError,
  type ChimeraError,
  type ErrorCode,
} from '@chimera/contracts/errors'
import type { HelloClaims } from '@chimera/contracts/grant'

import type { Ledger } from '../ledger/ledger.ts'
import type { GrantKeys } from './grant-keys.ts'
import { HELLO, verifyWord } from './verify-word.ts'

/** Whether the server acts, and for which life of the record; or why it does not. */
export type GateState =
  | Readonly<{ isOpen: true; incarnation: string }>
  | Readonly<{ isOpen: false; code: ErrorCode; reason: string }>

/** Closed after every start, until the Judge's signed hello for this very boot. */
export type Gate = Readonly<{
  state: () => GateState
  /** Throws the reason when it stays, or becomes, closed. */
  admitHello: (jws: string) => Promise<void>
  /** The word for a call that comes while it is closed. */
  refusal: () => ChimeraError | undefined
}>

export function createGate(options: { ledger: Ledger; account: string; keys: GrantKeys }): Gate {
  const { ledger, account, keys } = options
  let heard: GateState = { isOpen: false, code: 'SERVER_CLOSED', reason: 'waits for its hello' }
  const state = (): GateState => (ledger.isInPlace() ? heard : LEDGER_GONE)
  const closeFor = (reason: string): never => {
    heard = { isOpen: false, code: 'LEDGER_BEHIND', reason }
    throw new RetryableError('LEDGER_BEHIND', `The tool server stays closed: ${reason}.`)
  }
  const admitHello = async (jws: string): Promise<void> => {
    const { claims } = await verifyWord(HELLO, jws, keys)
    if (claims.aud !== account || claims.ledger_id !== ledger.id) {
      throw new DeniedError('GRANT_INVALID', 'The hello is for another account or ledger.')
    }
    if (claims.boot !== ledger.boot) {
      throw new RetryableError('BOOT_CHANGED', 'The hello is for an earlier start of this server.')
    }
    const fault = findFault(ledger, account, claims)
    if (fault !== undefined) closeFor(fault)
    ledger.transact(() => {
      ledger.boots.noteHello(ledger.boot, claims.incarnation, ledger.now())
      for (const [scope, epoch] of Object.entries(claims.fences)) {
        // An epoch alone fences what was granted below it; whether the stop still stands is the
        // Judge's to know, who grants nothing while it does.
        ledger.fences.raise(scope, { epoch, isStopped: false })
      }
    })
    heard = { isOpen: true, incarnation: claims.incarnation }
  }
  return { state, admitHello, refusal: () => refusalFor(state()) }
}

/** A server that outside clients use without grants answers to nobody's record. */
export function openGate(ledger: Pick<Ledger, 'isInPlace'>): Gate {
  const state = (): GateState =>
    ledger.isInPlace() ? { isOpen: true, incarnation: '' } : LEDGER_GONE
  return {
    state,
    admitHello: async () => {
      throw new DeniedError('GRANT_INVALID', 'This server takes no grants, so it takes no hello.')
    },
    refusal: () => refusalFor(state()),
  }
}

/**
 * A ledger that was deleted or replaced under its holder: the next start would see another one, so
 * neither a claim nor a tombstone in this one is worth anything. Looked at before each word.
 */
const LEDGER_GONE: GateState = {
  isOpen: false,
  code: 'LEDGER_BEHIND',
  reason: 'the file of the ledger is not the one that this server holds',
}

function refusalFor(state: GateState): ChimeraError | undefined {
  if (state.isOpen) return undefined
  return new RetryableError(state.code, `The tool server is closed: ${state.reason}.`)
}

/** Why a ledger does not continue what the record knows (adoption comes with "Effects hold"). */
function findFault(ledger: Ledger, account: string, claims: HelloClaims): string | undefined {
  if (ledger.account !== account) return `the ledger is of the account ${ledger.account}`
  const missing = claims.known_boots.find((boot) => !ledger.boots.has(boot))
  if (missing !== undefined) return `the ledger lacks the boot ${missing} that the record knows`
  if (claims.highest_seq > ledger.seq()) {
    return `the record has seen seq ${claims.highest_seq}, the ledger is at ${ledger.seq()}`
  }
  return undefined
}
