import { z } from 'zod'

import { TIME_IN_FORCE } from '../venue/venue.ts'

/** Fields that several tools take or give. Numbers are decimal text: no float carries money. */
export const symbol = z
  .string()
  .min(1)
  .max(32)
  // No Unicode classes: a client's validator may read the pattern without their flag.
  .regex(/^[A-Za-z0-9:/_.-]+$/, 'use the symbol that get_markets names, such as BTC')
  .describe('the market, as get_markets names it')

const DECIMAL = /^(?:0|[1-9]\d{0,14})(?:\.\d{1,8})?$/

/** Above zero. */
export const positive = z
  .string()
  .regex(DECIMAL, 'use plain decimal text such as "0.015", with at most 8 decimals')
  .refine((text) => /[1-9]/.test(text), 'has to be above zero')

export const side = z.enum(['buy', 'sell'])
export const size = positive.describe('in coins, as decimal text')
export const worstPrice = positive.describe(
  'in US dollars, as decimal text: the limit; of an ioc order the worst price that is taken',
)
export const tif = z
  .enum(TIME_IN_FORCE)
  .describe('gtc rests; ioc takes what it gets at once and gives up the rest; alo only ever rests')
export const trigger = z
  .strictObject({
    kind: z.enum(['stop', 'take_profit']),
    price: positive.describe('the mark price that wakes the order'),
  })
  .describe('the order sleeps until the mark price is there; needs tif ioc')

/** The venue's own id, or the one that place_order derived from the effect. */
export const orderId = z
  .string()
  .regex(/^(?:\d{1,20}|0x[0-9a-f]{32})$/, 'use the digits of order_id, or 0x and 32 hex digits')
  .describe('order_id or client_order_id of get_orders')

const decimal = z.string().describe('decimal text')
const time = z.iso.datetime()

/** Every result of every tool carries these. */
export const mode = {
  mode: z.enum(['paper', 'live']).describe('paper: nothing of it is real; fixed at the start'),
  venue: z.string().describe('paper, hyperliquid-testnet or hyperliquid-mainnet'),
}

/** What became of an order that a tool has made. */
export const madeOrder = {
  ...mode,
  symbol: z.string(),
  side,
  size: decimal.describe('as it was asked for'),
  price: decimal,
  order_id: z.string().describe('the id at the venue'),
  client_order_id: z.string().describe('ours: derived from the effect, good for get_orders'),
  order_state: z
    .enum(['resting', 'filled', 'waiting'])
    .describe('right after it was sent; a filled one may be filled in part'),
  filled_size: decimal,
  average_price: decimal,
  expires_at: time.describe('the venue drops the request when it arrives later'),
  simulated: z.boolean().describe('true when nothing of it is real'),
}

export const position = z.strictObject({
  symbol: z.string(),
  size: decimal.describe('below zero is short'),
  entry_price: decimal,
  notional_usd: decimal,
  unrealized_pnl_usd: decimal,
  leverage: z.number(),
  liquidation_price: decimal.optional(),
})

export const order = z.strictObject({
  order_id: z.string(),
  client_order_id: z.string().optional(),
  symbol: z.string(),
  side,
  price: decimal,
  size: decimal,
  remaining: decimal,
  reduce_only: z.boolean(),
  trigger: z.strictObject({ kind: z.enum(['stop', 'take_profit']), price: decimal }).optional(),
  state: z.enum(['open', 'partial', 'filled', 'cancelled', 'triggered', 'rejected']),
  venue_state: z.string(),
  placed_at: time,
  updated_at: time,
})

export const fill = z.strictObject({
  trade_id: z.string(),
  order_id: z.string(),
  client_order_id: z.string().optional(),
  symbol: z.string(),
  side,
  price: decimal,
  size: decimal,
  fee_usd: decimal,
  closed_pnl_usd: decimal,
  taker: z.boolean(),
  at: time,
})
