import { KILL_LEVELS } from '@chimera/contracts/judging/kill'
import { TOOLS } from '@chimera/contracts/tools'
import { defineReadTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { formatDecimal } from '../decimal/decimal.ts'
import type { Fill, Order, Position } from '../venue/venue.ts'
import { fill, mode, order, orderId, position, symbol } from './fields.ts'
import type { TradingParts } from './trading-parts.ts'

const decimal = z.string()
const time = z.iso.datetime()
const iso = (ms: number): string => new Date(ms).toISOString()
const DAY_MS = 86_400_000
const MAX_FILLS = 200

/** What the account is, holds and has on offer. */
export function accountTools(parts: TradingParts): readonly ServedTool[] {
  return [getMode(parts), getPositions(parts), getOrders(parts)]
}

function getMode({ venue, mode: fixed, ledger, limits, restricted }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_mode',
    title: 'Mode, limits and kill level',
    description:
      'Says whether this server trades on paper or live, why, within which limits, and at which ' +
      'kill level. The mode was fixed when the server started; no tool changes it.',
    scope: TOOLS.get_mode.scope,
    input: {},
    output: {
      ...mode,
      why: z.array(z.string()).describe('what keeps it from being live; empty when it is'),
      kill_level: z.int().min(0).max(5),
      kill_name: z.enum(KILL_LEVELS),
      kill_reason: z.string().describe('why the level is what it is'),
      max_position_percent: decimal.describe('of the equity, in one market; 15 at most'),
      max_leverage: decimal.describe('all positions together over the equity; 3 at most'),
      max_order_usd: decimal.describe('absent when there is no such limit'),
      restricted_symbols: z.array(z.string()),
    },
    read: async () => {
      const { level, reason } = ledger.kill.current()
      const { maxPositionBps, maxLeverageHundredths, maxOrderMicros } = limits
      return {
        why: fixed.why,
        kill_level: level,
        kill_name: KILL_LEVELS[level] ?? 'SHUTDOWN',
        ...(reason === undefined ? {} : { kill_reason: reason }),
        max_position_percent: formatDecimal(maxPositionBps, 2),
        max_leverage: formatDecimal(maxLeverageHundredths, 2),
        ...(maxOrderMicros === undefined
          ? {}
          : { max_order_usd: formatDecimal(maxOrderMicros, 6) }),
        restricted_symbols: [...restricted].toSorted(),
        venue: venue.name,
      }
    },
  })
}

function getPositions({ venue }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_positions',
    title: 'Positions and equity',
    description: 'Shows the equity of the account, its margin, and every open position.',
    scope: TOOLS.get_positions.scope,
    hints: { openWorldHint: true },
    input: {},
    output: {
      ...mode,
      equity_usd: decimal,
      margin_used_usd: decimal,
      withdrawable_usd: decimal,
      positions: z.array(position),
      at: time,
    },
    read: async () => {
      const account = await venue.account()
      return {
        equity_usd: account.equityUsd,
        margin_used_usd: account.marginUsedUsd,
        withdrawable_usd: account.withdrawableUsd,
        positions: account.positions.map(viewPosition),
        at: iso(account.atMs),
      }
    },
  })
}

function getOrders({ venue, ledger }: TradingParts): ServedTool {
  return defineReadTool({
    name: 'get_orders',
    title: 'Open orders and fills',
    description:
      'Lists the open orders, or tells what became of one order by either of its ids; on request ' +
      'with the fills of the last day, each trade once.',
    scope: TOOLS.get_orders.scope,
    hints: { openWorldHint: true },
    input: {
      symbol: symbol.optional(),
      order_id: orderId.optional(),
      with_fills: z.boolean().optional().describe('false when absent'),
    },
    output: {
      ...mode,
      found: z.boolean().describe('of an order that was asked for by its id'),
      orders: z.array(order),
      fills: z.array(fill).describe(`the newest ${MAX_FILLS}, oldest first`),
    },
    read: async ({ symbol: of, order_id: id, with_fills: withFills = false }) => {
      const isWanted = (each: { symbol: string }): boolean => of === undefined || each.symbol === of
      const fills = withFills ? await venue.fills({ sinceMs: ledger.wall() - DAY_MS }) : undefined
      const listed =
        fills === undefined ? {} : { fills: fills.filter(isWanted).slice(-MAX_FILLS).map(viewFill) }
      if (id === undefined) {
        const orders = await venue.openOrders()
        return { orders: orders.filter(isWanted).map(viewOrder), ...listed }
      }
      const found = await venue.findOrder(id.startsWith('0x') ? { cloid: id } : { oid: id })
      const orders = found.kind === 'found' ? [viewOrder(found.order)] : []
      return { found: orders.length === 1, orders, ...listed }
    },
  })
}

function viewPosition(held: Position): z.infer<typeof position> {
  return {
    symbol: held.symbol,
    size: held.size,
    entry_price: held.entryPrice,
    notional_usd: held.notionalUsd,
    unrealized_pnl_usd: held.unrealizedPnlUsd,
    leverage: held.leverage,
    ...(held.liquidationPrice === undefined ? {} : { liquidation_price: held.liquidationPrice }),
  }
}

function viewOrder(one: Order): z.infer<typeof order> {
  return {
    order_id: one.oid,
    ...(one.cloid === undefined ? {} : { client_order_id: one.cloid }),
    symbol: one.symbol,
    side: one.side,
    price: one.price,
    size: one.size,
    remaining: one.remaining,
    reduce_only: one.reduceOnly,
    ...(one.trigger === undefined ? {} : { trigger: one.trigger }),
    state: one.state,
    venue_state: one.venueState,
    placed_at: iso(one.placedAtMs),
    updated_at: iso(one.updatedAtMs),
  }
}

function viewFill(one: Fill): z.infer<typeof fill> {
  return {
    trade_id: one.tid,
    order_id: one.oid,
    ...(one.cloid === undefined ? {} : { client_order_id: one.cloid }),
    symbol: one.symbol,
    side: one.side,
    price: one.price,
    size: one.size,
    fee_usd: one.feeUsd,
    closed_pnl_usd: one.closedPnlUsd,
    taker: one.isTaker,
    at: iso(one.atMs),
  }
}
