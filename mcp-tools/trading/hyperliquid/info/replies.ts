import { z } from 'zod'

import { formatDecimal, parseDecimal } from '../../decimal/decimal.ts'

/**
 * What `/info` answers, as far as it is read. Fields that this exchange added since 2023 are
 * optional, so that its oldest recorded replies are read too; what nobody here reads may change.
 */

/** More decimals than the exchange writes anywhere (its liquidation prices have 8). */
const SCALE = 18

/** A number as text, in its shortest form: "30135.0" is "30135". */
const Decimal = z.string().transform((text, context) => {
  const value = parseDecimal(text, SCALE)
  if (value !== undefined) return formatDecimal(value, SCALE)
  context.addIssue({ code: 'custom', message: 'is no plain decimal' })
  return z.NEVER
})
const Milliseconds = z.int().nonnegative()
const OrderSide = z.enum(['B', 'A'])
const Cloid = z.string().regex(/^0x[0-9a-fA-F]{32}$/u)

export const Meta = z.object({
  universe: z.array(
    z.object({
      name: z.string().min(1).max(32),
      szDecimals: z.int().min(0).max(6),
      maxLeverage: z.int().positive(),
      isDelisted: z.boolean().optional(),
    }),
  ),
})

/** Of one market, in the order of `Meta`. */
const AssetContext = z.object({
  funding: Decimal,
  markPx: Decimal,
  midPx: Decimal.nullable(),
  oraclePx: Decimal,
})
export const MetaAndContexts = z.tuple([Meta, z.array(AssetContext)])

export const AllMids = z.record(z.string(), Decimal)

const Level = z.object({ px: Decimal, sz: Decimal, n: z.int().nonnegative() })
export const L2Book = z.object({
  coin: z.string(),
  time: Milliseconds,
  levels: z.tuple([z.array(Level), z.array(Level)]),
})

export const CandleSnapshot = z.array(
  z.object({
    t: Milliseconds,
    T: Milliseconds,
    o: Decimal,
    h: Decimal,
    l: Decimal,
    c: Decimal,
    v: Decimal,
  }),
)

/** An order as `openOrders` has it, and with what `frontendOpenOrders` and others add. */
const OpenOrder = z.object({
  coin: z.string(),
  side: OrderSide,
  limitPx: Decimal,
  sz: Decimal,
  oid: z.int().nonnegative(),
  timestamp: Milliseconds,
  origSz: Decimal.optional(),
  cloid: Cloid.nullish(),
  reduceOnly: z.boolean().optional(),
  isTrigger: z.boolean().optional(),
  triggerPx: Decimal.optional(),
  orderType: z.string().optional(),
  tif: z.string().nullish(),
})
export type OpenOrder = z.infer<typeof OpenOrder>
export const OpenOrders = z.array(OpenOrder)

const SettledOrder = z.object({
  order: OpenOrder,
  status: z.string().max(100),
  statusTimestamp: Milliseconds,
})
export const HistoricalOrders = z.array(SettledOrder)

export const OrderStatus = z.discriminatedUnion('status', [
  z.object({ status: z.literal('order'), order: SettledOrder }),
  z.object({ status: z.literal('unknownOid') }),
])

export const Fills = z.array(
  z.object({
    coin: z.string(),
    px: Decimal,
    sz: Decimal,
    side: OrderSide,
    time: Milliseconds,
    startPosition: Decimal,
    closedPnl: Decimal,
    hash: z.string(),
    oid: z.int().nonnegative(),
    crossed: z.boolean(),
    fee: Decimal,
    tid: z.int().nonnegative().optional(),
    cloid: Cloid.nullish(),
  }),
)

export const ClearinghouseState = z.object({
  marginSummary: z.object({ accountValue: Decimal, totalMarginUsed: Decimal }),
  withdrawable: Decimal,
  time: Milliseconds.optional(),
  assetPositions: z.array(
    z.object({
      position: z.object({
        coin: z.string(),
        szi: Decimal,
        // A position that was just closed has none.
        entryPx: Decimal.nullable(),
        positionValue: Decimal,
        unrealizedPnl: Decimal,
        leverage: z.object({ value: z.int().positive() }),
        liquidationPx: Decimal.nullable(),
      }),
    }),
  ),
})

export const FundingHistory = z.array(
  z.object({ coin: z.string(), fundingRate: Decimal, premium: Decimal, time: Milliseconds }),
)

export const RateLimit = z.object({
  cumVlm: Decimal,
  nRequestsUsed: z.int().nonnegative(),
  nRequestsCap: z.int().nonnegative(),
})

export const ExchangeStatus = z.object({ time: Milliseconds })
