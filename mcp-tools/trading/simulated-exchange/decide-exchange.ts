import type { SimulatedRequest } from '@chimera/contracts/observable'

import { applyAction, type Applied } from './apply-action.ts'
import type { ExchangeParts } from './exchange-parts.ts'
import { AFTER, BEFORE, INSTEAD, type Fault, type PlannedFault } from './faults.ts'
import { weightOfBatch } from './request-weights.ts'
import { Action, ExchangeRequest } from './wire/exchange-request.ts'
import { recoverSigner } from './wire/recover-signer.ts'
import type { NonceFault } from './wire/signer-nonces.ts'

/** An answer on the wire; a text is sent as such. */
export type Answer = Readonly<{ status: number; body: unknown }>

/** What is done with a request: what the record says, and how its sender learns of it. */
export type Decision = Readonly<{
  account: string
  outcome: SimulatedRequest['outcome']
  answer: Answer
  /** `cut` closes the connection and `hang` leaves it open, both without a byte of answer. */
  delivery: 'answer' | 'cut' | 'hang'
  id?: string
}>

/** The exchange's words; those of a nonce are recorded (ccxt, hummingbot), the others are near. */
const NONCE_WORDS: Readonly<Record<NonceFault, string>> = {
  duplicate: 'Invalid nonce: duplicate nonce',
  too_low: 'Invalid nonce: nonce too low',
  too_old: 'Invalid nonce: nonce too old',
  too_new: 'Invalid nonce: nonce too far in the future',
}
const UNREADABLE = 'Failed to deserialize the JSON body into the target type'

/**
 * One request to `/exchange` in one synchronous step, in the exchange's order: weights, form,
 * signer, vault, expiry, nonce, and then the action, which has used its nonce whatever comes of it.
 */
export function decideExchange(body: unknown, parts: ExchangeParts): Decision {
  const { faults, settings } = parts
  const text = JSON.stringify(body ?? null)
  const early = faults.take(BEFORE, 'exchange', text)
  if (early !== undefined)
    return { account: 'unknown', outcome: 'refused', ...endEarly(early.fault) }
  if (!parts.weights.take(weightOfBatch(lengthOf(body)), settings.weightLimit)) {
    return refuse('unknown', RATE_LIMITED)
  }
  const read = ExchangeRequest.safeParse(body)
  if (!read.success) return refuse('unknown', { status: 422, body: UNREADABLE })
  const request = read.data
  const signer = recoverSigner(request, parts.chain)
  const account = signer === undefined ? undefined : parts.accounts.ownerOf(signer)
  if (signer === undefined || account === undefined) {
    return refuse('unknown', err(`User or API Wallet ${signer ?? '0x'} does not exist.`))
  }
  const fault = faultOf(request, { signer, parts })
  if (fault !== undefined) return refuse(account, err(fault))
  parts.nonces.use(signer, request.nonce)
  const instead = faults.take(INSTEAD, 'exchange', text)
  if (instead !== undefined) return refuse(account, saidInstead(instead, request.action))
  const applied = applyAction(request.action, { account, parts, text })
  return answerOf(account, applied, faults.take(applied.isDone ? AFTER : NOTHING, 'exchange', text))
}

function faultOf(
  { nonce, expiresAfter, vaultAddress }: ExchangeRequest,
  { signer, parts }: { signer: string; parts: ExchangeParts },
): string | undefined {
  if (typeof vaultAddress === 'string') return `Vault not registered: ${vaultAddress}`
  const now = parts.now()
  if (typeof expiresAfter === 'number' && now > expiresAfter) {
    return `Action expired: ${expiresAfter} is before ${now}.`
  }
  if (!parts.settings.nonceCheck) return undefined
  const fault = parts.nonces.faultOf(signer, nonce, now)
  return fault === undefined ? undefined : `${NONCE_WORDS[fault]} ${nonce}`
}

function answerOf(account: string, applied: Applied, fault: PlannedFault | undefined): Decision {
  const { isDone, id, answer } = applied
  const decision: Decision = {
    account,
    outcome: isDone ? 'accepted' : 'refused',
    answer: { status: 200, body: answer },
    delivery: 'answer',
    ...(id === undefined ? {} : { id }),
  }
  if (fault?.fault === 'cut') return { ...decision, outcome: 'cut', delivery: 'cut' }
  if (fault?.fault === 'hang') return { ...decision, outcome: 'hung', delivery: 'hang' }
  return fault?.fault === '5xx_after' ? { ...decision, answer: UNAVAILABLE } : decision
}

const NOTHING: ReadonlySet<Fault> = new Set()
const UNAVAILABLE: Answer = { status: 502, body: 'Bad Gateway' }
const RATE_LIMITED: Answer = { status: 429, body: null }
const err = (words: string): Answer => ({ status: 200, body: { status: 'err', response: words } })

/** How a fault ends a request that was not looked at. */
export function endEarly(fault: Fault): Pick<Decision, 'answer' | 'delivery'> {
  if (fault === '429') return { answer: RATE_LIMITED, delivery: 'answer' }
  if (fault === 'reset_before') return { answer: UNAVAILABLE, delivery: 'cut' }
  if (fault === 'timeout_before') return { answer: UNAVAILABLE, delivery: 'hang' }
  return { answer: UNAVAILABLE, delivery: 'answer' }
}

function saidInstead({ fault, words }: PlannedFault, action: Action): Answer {
  if (fault === 'err') return err(words ?? 'Internal error.')
  const said =
    fault === '403_duplicate' ? 'Cloid already used.' : 'Insufficient margin to place order.'
  const error = `${words ?? said} asset=0`
  const statuses = Array.from({ length: lengthOf({ action }) }, () => ({ error }))
  const response = { type: action.type, data: { statuses } }
  return { status: 200, body: { status: 'ok', response } }
}

/** How many orders or cancels a body holds, before anything is known of it. */
function lengthOf(body: unknown): number {
  const found = Action.safeParse(
    typeof body === 'object' && body !== null && 'action' in body ? body.action : undefined,
  )
  if (!found.success) return 1
  if ('orders' in found.data) return found.data.orders.length
  return 'cancels' in found.data ? found.data.cancels.length : 1
}

const refuse = (account: string, answer: Answer): Decision => ({
  account,
  outcome: 'refused',
  answer,
  delivery: 'answer',
})
