import type { ProviderResponse } from '@chimera/mcp-kit/provider/exchange'
import { z } from 'zod'

import { formatDecimal, parseDecimal } from '../../decimal/decimal.ts'
import type { ActionAnswer, OrderAnswer, VenueAction } from '../../venue/venue.ts'
import { errorOf, isOutOfRequests, MAY_HAVE_HAPPENED, REQUEST_EVERY_MS } from './error-words.ts'

const Oid = z.int().nonnegative().transform(String)
const Number18 = z.string().transform((text) => formatDecimal(parseDecimal(text, 18) ?? 0n, 18))

/** One element of `statuses`, which stand in the order of the action's orders. */
const Status = z.union([
  z.object({ resting: z.object({ oid: Oid }) }),
  z.object({ filled: z.object({ totalSz: Number18, avgPx: Number18, oid: Oid }) }),
  z.object({ error: z.string() }),
  z.enum(['success', 'waitingForFill', 'waitingForTrigger']),
])
const Answer = z.discriminatedUnion('status', [
  z.object({
    status: z.literal('ok'),
    response: z.object({ data: z.object({ statuses: z.array(Status) }) }),
  }),
  z.object({ status: z.literal('err'), response: z.string() }),
])

/** Longest piece of the exchange's words that is kept. */
const MAX_WORDS = 300
/** What stands before the exchange refuses, and then nothing was done. */
const REFUSED_STATUSES: ReadonlySet<number> = new Set([400, 401, 403, 404, 405, 413, 415, 422])

/**
 * What an answer of `/exchange` proves. HTTP 200 and `ok` may still hold errors, one per order; a
 * status that nobody here knows, another number of them, a nonce or a cloid that was "used already"
 * and words that were never heard all leave it open, for the exchange can be asked.
 */
export function classifyAnswer(action: VenueAction, response: ProviderResponse): ActionAnswer {
  const { status, headers } = response
  if (status === 429) {
    const seconds = Number(headers['retry-after'] ?? Number.NaN)
    const detail = 'The exchange limits this address to 1,200 weights a minute.'
    const retryAfterMs = seconds >= 0 ? seconds * 1_000 : REQUEST_EVERY_MS
    return {
      outcome: 'refused',
      error: 'other',
      code: 'UPSTREAM_RATE_LIMITED',
      detail,
      retryAfterMs,
    }
  }
  const text = response.body.toString('utf8')
  if (REFUSED_STATUSES.has(status)) return refused(`${status}: ${text}`)
  if (status !== 200) return unknown(`The exchange answered ${status}.`)
  const answer = Answer.safeParse(findJson(text))
  if (!answer.success) return unknown('The answer is not one of the exchange.')
  if (answer.data.status === 'err') return topLevel(answer.data.response)
  const { statuses } = answer.data.response.data
  const expected = action.kind === 'place' ? 1 : action.orders.length
  if (statuses.length !== expected) {
    return unknown(`The exchange spoke of ${statuses.length} orders instead of ${expected}.`)
  }
  const orders = statuses.map(orderAnswer)
  const isOpen = orders.some(
    (order) => order.kind === 'error' && MAY_HAVE_HAPPENED.has(order.error),
  )
  return isOpen
    ? unknown('The exchange has met this order before.')
    : { outcome: 'answered', orders }
}

function orderAnswer(status: z.infer<typeof Status>): OrderAnswer {
  if (typeof status === 'string') {
    return { kind: status === 'success' ? 'cancelled' : 'waiting' }
  }
  if ('resting' in status) return { kind: 'resting', oid: status.resting.oid }
  if ('filled' in status) {
    const { totalSz: size, avgPx: averagePrice, oid } = status.filled
    return { kind: 'filled', oid, size, averagePrice }
  }
  const detail = status.error.slice(0, MAX_WORDS)
  return { kind: 'error', error: errorOf(detail), detail }
}

function topLevel(words: string): ActionAnswer {
  if (isOutOfRequests(words)) {
    const code = 'UPSTREAM_RATE_LIMITED'
    const detail = words.slice(0, MAX_WORDS)
    return { outcome: 'refused', error: 'other', code, detail, retryAfterMs: REQUEST_EVERY_MS }
  }
  const error = errorOf(words)
  const isOpen = error === 'other' || MAY_HAVE_HAPPENED.has(error)
  return isOpen ? unknown(`The exchange said: ${words.slice(0, MAX_WORDS)}`) : refused(words)
}

function refused(words: string): ActionAnswer {
  const detail = words.slice(0, MAX_WORDS)
  return { outcome: 'refused', error: errorOf(detail), code: 'UPSTREAM_REJECTED', detail }
}

const unknown = (detail: string): ActionAnswer => ({ outcome: 'unknown', detail })

function findJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
