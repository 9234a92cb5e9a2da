import type { z } from 'zod'

import type { Fill, Order, OrderState, Trigger } from '../../venue/venue.ts'
import type { Fills, OpenOrder } from './replies.ts'

/** One order in the port's words. `status` is the exchange's own, `open` where it says none. */
export function orderOf(
  order: OpenOrder,
  settled: Readonly<{ status: string; statusTimestamp: number }> = {
    status: 'open',
    statusTimestamp: order.timestamp,
  },
): Order {
  const { status, statusTimestamp } = settled
  const size = order.origSz ?? order.sz
  const trigger = triggerOf(order)
  return {
    oid: String(order.oid),
    symbol: order.coin,
    side: order.side === 'B' ? 'buy' : 'sell',
    price: order.limitPx,
    size,
    remaining: order.sz,
    reduceOnly: order.reduceOnly ?? false,
    state: stateOf(status, order.sz !== size),
    venueState: status,
    placedAtMs: order.timestamp,
    updatedAtMs: statusTimestamp,
    ...(typeof order.cloid === 'string' ? { cloid: order.cloid.toLowerCase() } : {}),
    ...(trigger === undefined ? {} : { trigger }),
  }
}

function stateOf(status: string, isPartial: boolean): OrderState {
  if (status === 'open') return isPartial ? 'partial' : 'open'
  if (status === 'filled' || status === 'triggered') return status
  // `iocCancelRejected` and its kin end in it; every other ending is a kind of cancel.
  return status === 'rejected' || status.endsWith('Rejected') ? 'rejected' : 'cancelled'
}

function triggerOf(order: OpenOrder): Trigger | undefined {
  if (order.isTrigger !== true || order.triggerPx === undefined) return undefined
  const isProfit = order.orderType?.startsWith('Take Profit') === true
  return { kind: isProfit ? 'take_profit' : 'stop', price: order.triggerPx }
}

/** Oldest first, each once, whatever order and however often the exchange names them. */
export function fillsOf(reply: z.infer<typeof Fills>): readonly Fill[] {
  const byTid = new Map<string, Fill>()
  for (const fill of reply) {
    const { tid, hash, oid, startPosition, cloid } = fill
    // Before 2023's end fills had no tid; these four never repeat together.
    const old = `${hash}/${oid}/${startPosition}/${fill.sz}`
    const identity = tid === undefined ? old : String(tid)
    if (byTid.has(identity)) continue
    byTid.set(identity, {
      tid: identity,
      oid: String(oid),
      symbol: fill.coin,
      side: fill.side === 'B' ? 'buy' : 'sell',
      price: fill.px,
      size: fill.sz,
      feeUsd: fill.fee,
      closedPnlUsd: fill.closedPnl,
      isTaker: fill.crossed,
      atMs: fill.time,
      ...(typeof cloid === 'string' ? { cloid: cloid.toLowerCase() } : {}),
    })
  }
  return [...byTid.values()].toSorted(
    (left, right) => left.atMs - right.atMs || compareIds(left.tid, right.tid),
  )
}

const compareIds = (left: string, right: string): number =>
  left.length - right.length || (left < right ? -1 : 1)
