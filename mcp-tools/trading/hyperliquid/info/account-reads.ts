import type { z } from 'zod'

import type { AccountState, Position, Venue } from '../../venue/venue.ts'
import type { Ask } from './ask.ts'
import { fillsOf, orderOf } from './orders.ts'
import { ClearinghouseState, ExchangeStatus, Fills, OpenOrders, OrderStatus } from './replies.ts'

/** Reading one account: the master's, because an agent's own address shows nothing. */
export function createAccountReads(of: {
  ask: Ask
  account: string
  now: () => number
}): Pick<Venue, 'account' | 'openOrders' | 'findOrder' | 'fills'> {
  const { ask, account: user, now } = of
  return {
    account: async ({ signal } = {}) => {
      const state = await ask({ type: 'clearinghouseState', user }, ClearinghouseState, signal)
      return accountOf(state, now())
    },
    openOrders: async ({ signal } = {}) => {
      const orders = await ask({ type: 'frontendOpenOrders', user }, OpenOrders, signal)
      return orders
        .map((order) => orderOf(order))
        .toSorted((left, right) => right.placedAtMs - left.placedAtMs)
    },
    findOrder: async (name, { signal } = {}) => {
      // The node's time first: what it says of the order afterwards is not older.
      const { time: asOfMs } = await ask({ type: 'exchangeStatus' }, ExchangeStatus, signal)
      const oid = 'cloid' in name ? name.cloid : Number(name.oid)
      const found = await ask({ type: 'orderStatus', user, oid }, OrderStatus, signal)
      if (found.status === 'unknownOid') return { kind: 'unknown', asOfMs }
      return { kind: 'found', asOfMs, order: orderOf(found.order.order, found.order) }
    },
    fills: async ({ sinceMs }, { signal } = {}) => {
      const question = { type: 'userFillsByTime', user, startTime: sinceMs }
      const fills = fillsOf(await ask(question, Fills, signal))
      return fills.filter(({ atMs }) => atMs >= sinceMs)
    },
  }
}

function accountOf(state: z.infer<typeof ClearinghouseState>, nowMs: number): AccountState {
  const positions = state.assetPositions
    .map(({ position }) => position)
    .filter(({ szi }) => szi !== '0')
    .map((position): Position => {
      const { liquidationPx, entryPx } = position
      return {
        symbol: position.coin,
        size: position.szi,
        entryPrice: entryPx ?? '0',
        notionalUsd: position.positionValue,
        unrealizedPnlUsd: position.unrealizedPnl,
        leverage: position.leverage.value,
        ...(liquidationPx === null ? {} : { liquidationPrice: liquidationPx }),
      }
    })
  return {
    equityUsd: state.marginSummary.accountValue,
    marginUsedUsd: state.marginSummary.totalMarginUsed,
    withdrawableUsd: state.withdrawable,
    positions,
    atMs: state.time ?? nowMs,
  }
}
