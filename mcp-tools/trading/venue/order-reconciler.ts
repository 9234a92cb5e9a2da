import { ChimeraError } from '@chimera/contracts/errors'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { boundOf } from '@chimera/mcp-kit/protocol/absence'
import type { Handle, Look, Reconciler } from '@chimera/mcp-kit/protocol/reconcile'
import type { Actual } from '@chimera/mcp-kit/provider/exchange'
import { z } from 'zod'

import { formatDecimal, MICROS, parseDecimal } from '../decimal/decimal.ts'
import { cloidOf } from './cloid.ts'
import type { Order, Venue } from './venue.ts'

/** A tool that makes an order; its handle can be derived from slot and round alone. */
const MAKES_AN_ORDER: ReadonlySet<string> = new Set(['place_order', 'close_position'])

/** Of the bytes that were sent: which orders a cancel named, and when it was too late. */
const SentCancel = z.object({
  action: z.union([
    z
      .object({ type: z.literal('cancel'), cancels: z.array(z.object({ o: z.int() })) })
      .transform(({ cancels }) => cancels.map(({ o }) => ({ oid: String(o) }))),
    z
      .object({
        type: z.literal('cancelByCloid'),
        cancels: z.array(z.object({ cloid: z.string() })),
      })
      .transform(({ cancels }) => cancels.map(({ cloid }) => ({ cloid }))),
  ]),
})
/** The arguments of a cancel of one order, by either of its ids. */
const AskedCancel = z
  .looseObject({ order_id: z.string() })
  .transform(({ order_id: id }) => (id.startsWith('0x') ? { cloid: id } : { oid: id }))
const Sent = z.object({ nonce: z.int(), expiresAfter: z.int().optional() })

/**
 * Asks a venue what became of an unknown order or cancel. An order has our own handle, so it is
 * found or it is not; absence counts once the venue's own clock, not ours, has passed the expiry
 * and the margin, and twice. Nothing is ever sent again.
 */
export function orderReconciler(venue: Venue): Reconciler {
  const asked = async (signal: AbortSignal, look: () => Promise<Look>): Promise<Look> => {
    try {
      return await look()
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof ChimeraError)) throw error
      const inMs = 'retryAfterMs' in error ? error.retryAfterMs : undefined
      return typeof inMs === 'number' ? { kind: 'not_yet', inMs } : { kind: 'not_yet' }
    }
  }
  return {
    absence: venue.absence,
    look: async (entry, { signal }) =>
      asked(signal, async () => {
        if (!MAKES_AN_ORDER.has(entry.tool)) return lookForCancel(venue, entry, signal)
        return lookForOrder(venue, { of: entry, signal, isNot: (ms) => unseen(venue, entry, ms) })
      }),
    lookByHandle: async (of, { signal }) => {
      if (!MAKES_AN_ORDER.has(of.tool)) return undefined
      const isNot = (): Look => ({ kind: 'unseen' })
      return asked(signal, async () => lookForOrder(venue, { of, signal, isNot }))
    },
  }
}

async function lookForOrder(
  venue: Venue,
  given: { of: Handle; signal: AbortSignal; isNot: (asOfMs: number) => Look },
): Promise<Look> {
  const { signal } = given
  const found = await venue.findOrder({ cloid: cloidOf(given.of) }, { signal })
  if (found.kind === 'unknown') return given.isNot(found.asOfMs)
  const { order } = found
  // What was rejected whole has used up its nonce and can never happen any more.
  if (order.state === 'rejected' && order.remaining === order.size) return { kind: 'absent' }
  const taken = await takenBy(venue, order, signal)
  return { kind: 'found', providerRef: order.oid, ...taken }
}

/**
 * What a found order really took, as its own answer would have said; nothing of one that is open,
 * whose whole value stays counted.
 */
async function takenBy(venue: Venue, order: Order, signal: AbortSignal): Promise<Actual> {
  const filled = unitsOf(order.size) - unitsOf(order.remaining)
  if (order.state === 'open' || order.state === 'partial' || filled === 0n) {
    return { facts: { state: order.trigger === undefined ? 'resting' : 'waiting' } }
  }
  const fills = (await venue.fills({ sinceMs: order.placedAtMs }, { signal })).filter(
    ({ oid }) => oid === order.oid,
  )
  const facts = { state: 'filled', filled_size: formatDecimal(filled, SCALE) }
  const seen = fills.reduce((sum, { size }) => sum + unitsOf(size), 0n)
  // A node that shows the order and not all of its fills says too little.
  if (seen !== filled) return { facts }
  const units = fills.reduce((sum, { size, price }) => sum + unitsOf(size) * unitsOf(price), 0n)
  const averagePrice = formatDecimal(units / filled, SCALE)
  const micros = units / 10n ** BigInt(2 * SCALE - MICROS)
  const costUsdMicros = order.reduceOnly ? 0n : micros
  return { facts: { ...facts, average_price: averagePrice }, costUsdMicros }
}

/** More decimals than any price or size of a venue has. */
const SCALE = 12
const unitsOf = (text: string): bigint => parseDecimal(text, SCALE) ?? 0n

/**
 * A cancel has no handle; what it did shows on its orders. One that was cancelled since the claim
 * is enough, for all of a request is done at once. As long as none is, it has not happened.
 */
async function lookForCancel(venue: Venue, entry: Entry, signal: AbortSignal): Promise<Look> {
  const named = ordersNamedBy(entry)
  const { claimedWallMs } = entry
  if (named === undefined || claimedWallMs === undefined) {
    return { kind: 'cannot', detail: 'Nobody knows which orders this was to cancel.' }
  }
  let oldestMs = Number.POSITIVE_INFINITY
  for (const name of named) {
    const found = await venue.findOrder(name, { signal })
    oldestMs = Math.min(oldestMs, found.asOfMs)
    if (found.kind === 'found' && isCancelledSince(found.order, claimedWallMs)) {
      return { kind: 'found', providerRef: `cancel:${referenceOf(entry)}` }
    }
  }
  return unseen(venue, entry, oldestMs)
}

/** What clocks may differ by; a cancel of before the claim is another's. */
const CLOCKS_DIFFER_MS = 1_000

/** `canceled` alone is what somebody asked for; `marginCanceled` and its kin are the venue's. */
const isCancelledSince = (order: Order, claimedWallMs: number): boolean =>
  order.venueState === 'canceled' && order.updatedAtMs >= claimedWallMs - CLOCKS_DIFFER_MS

/** Not there; means something once the venue's own clock is past the expiry and the margin. */
function unseen(venue: Venue, entry: Entry, asOfMs: number): Look {
  const expiresAfter = sentOf(entry)?.expiresAfter
  const { absence } = venue
  const deadMs =
    expiresAfter === undefined ? boundOf(entry, absence) : expiresAfter + absence.afterMs
  return asOfMs < deadMs ? { kind: 'not_yet', inMs: deadMs - asOfMs } : { kind: 'unseen' }
}

function ordersNamedBy(entry: Entry): readonly ({ oid: string } | { cloid: string })[] | undefined {
  const sent = SentCancel.safeParse(bodyOf(entry))
  if (sent.success) return sent.data.action
  // A ledger that was lost has no bytes; the record remembers what was asked for.
  const asked = AskedCancel.safeParse(entry.args === undefined ? undefined : JSON.parse(entry.args))
  return asked.success ? [asked.data] : undefined
}

const sentOf = (entry: Entry): z.infer<typeof Sent> | undefined =>
  Sent.safeParse(bodyOf(entry)).data

/** Two cancels of one order are two effects: the nonce tells them apart. */
const referenceOf = (entry: Entry): string => String(sentOf(entry)?.nonce ?? entry.grantId)

function bodyOf(entry: Entry): unknown {
  if (entry.sendBody === undefined) return undefined
  try {
    return JSON.parse(Buffer.from(entry.sendBody).toString('utf8'))
  } catch {
    return undefined
  }
}
