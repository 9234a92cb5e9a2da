import {
  accountOf,
  isOpen,
  leverageOf,
  marketOf,
  openOrdersOf,
  type AccountRecord,
  type EngineMarket,
  type EngineOrder,
  type EngineState,
  type FeeRates,
  type FillRecord,
  type OrderRecord,
  type Quote,
} from './engine-state.ts'
import { MISSING_ORDER } from './exchange-errors.ts'
import { equityOf, freeMarginOf, heldNotional, maintenanceOf, marginUsedOf } from './margin.ts'
import { moveMarket, type Moved } from './move-market.ts'
import { placeOrder, type PlaceAnswer } from './place-order.ts'

/** An order by one of its two names. */
export type NamedOrder =
  | Readonly<{ oid: bigint; cloid?: undefined }>
  | Readonly<{ cloid: string; oid?: undefined }>
type At = Readonly<{ account: string; atMs: number }>

export type CancelAnswer =
  | Readonly<{ kind: 'success' }>
  | Readonly<{ kind: 'error'; message: string }>
export type LeverageAnswer = Readonly<{ kind: 'success' | 'invalid' }>

/** A position with what is reckoned from it at mark. */
export type PositionView = Readonly<{
  asset: number
  lots: bigint
  costMicros: bigint
  valueMicros: bigint
  unrealizedMicros: bigint
  leverage: number
}>
export type AccountView = Readonly<{
  equityMicros: bigint
  cashMicros: bigint
  marginUsedMicros: bigint
  maintenanceMicros: bigint
  /** What may be taken out: never below 0. */
  freeMicros: bigint
  paidFundingMicros: bigint
  paidFeesMicros: bigint
  positions: readonly PositionView[]
}>

/**
 * A perpetual exchange on paper: Hyperliquid's rules for rounding, least value, margin, fees,
 * funding, triggers, partial fills and liquidation, and its words for refusing. Deterministic: no
 * clock and no randomness, time and quotes are given. Accounts trade with the quotes, never with
 * each other. Every account begins with the same money.
 */
export type Engine = Readonly<{
  place: (given: At & { order: EngineOrder }) => PlaceAnswer
  cancel: (given: At & { asset: number; name: NamedOrder }) => CancelAnswer
  setLeverage: (given: At & { asset: number; leverage: number }) => LeverageAnswer
  /** Puts money in; below 0 takes it out. For tests and operators. */
  deposit: (given: At & { amountMicros: bigint }) => void
  tick: (given: { quotes: readonly Quote[]; atMs: number }) => Moved
  markets: readonly EngineMarket[]
  quote: (asset: number) => Quote | undefined
  account: (account: string) => AccountView
  /** The oldest first, what waits for its trigger included. */
  openOrders: (account: string) => readonly Readonly<OrderRecord>[]
  order: (account: string, name: NamedOrder) => Readonly<OrderRecord> | undefined
  /** All that is remembered, the oldest first. */
  orders: (account: string) => readonly Readonly<OrderRecord>[]
  fills: (account: string) => readonly FillRecord[]
}>

/** What an exchange is made with. */
export type EngineOptions = Readonly<{
  markets: readonly EngineMarket[]
  fees: FeeRates
  startingMicros: bigint
}>

/** Nothing has been quoted yet: until the first tick there is no liquidity. */
export function createEngine(options: EngineOptions): Engine {
  const state: EngineState = {
    ...options,
    accounts: new Map(),
    quotes: new Map(),
    nextOid: 1n,
    nextTid: 1n,
    fundedToMs: undefined,
  }
  const find = (account: string, name: NamedOrder): OrderRecord | undefined => {
    const record = accountOf(state, account)
    const oid = name.oid ?? record.byCloid.get(name.cloid)
    return oid === undefined ? undefined : record.orders.get(oid)
  }
  return {
    markets: state.markets,
    place: (given) => placeOrder(state, given),
    cancel: ({ account, asset, name, atMs }) => {
      const order = find(account, name)
      if (order === undefined || order.asset !== asset || !isOpen(order)) {
        return { kind: 'error', message: MISSING_ORDER }
      }
      order.status = 'canceled'
      order.statusAtMs = atMs
      return { kind: 'success' }
    },
    setLeverage: ({ account, asset, leverage }) => {
      const { maxLeverage } = marketOf(state, asset)
      if (!Number.isInteger(leverage) || leverage < 1 || leverage > maxLeverage) {
        return { kind: 'invalid' }
      }
      accountOf(state, account).leverage.set(asset, leverage)
      return { kind: 'success' }
    },
    deposit: ({ account, amountMicros }) => {
      accountOf(state, account).cashMicros += amountMicros
    },
    tick: (given) => moveMarket(state, given),
    quote: (asset) => state.quotes.get(asset),
    account: (account) => viewAccount(state, accountOf(state, account)),
    openOrders: (account) => openOrdersOf(accountOf(state, account)),
    order: find,
    orders: (account) => [...accountOf(state, account).orders.values()],
    fills: (account) => accountOf(state, account).fills,
  }
}

function viewAccount(state: EngineState, record: AccountRecord): AccountView {
  const free = freeMarginOf(state, record)
  return {
    equityMicros: equityOf(state, record),
    cashMicros: record.cashMicros,
    marginUsedMicros: marginUsedOf(state, record),
    maintenanceMicros: maintenanceOf(state, record),
    freeMicros: free > 0n ? free : 0n,
    paidFundingMicros: record.paidFundingMicros,
    paidFeesMicros: record.paidFeesMicros,
    positions: [...record.positions].map(([asset, { lots, costMicros }]) => {
      const valueMicros = heldNotional(state, record, asset)
      return {
        asset,
        lots,
        costMicros,
        valueMicros,
        unrealizedMicros: (lots > 0n ? valueMicros : -valueMicros) - costMicros,
        leverage: leverageOf(state, record, asset),
      }
    }),
  }
}
