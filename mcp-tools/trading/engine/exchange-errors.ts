import type { OrderStatus } from './engine-state.ts'

/**
 * Why the exchange does not take an order, in its own words (its page of error responses). On the
 * wire ` asset=<n>` follows them.
 */
const WORDS = {
  tick: 'Price must be divisible by tick size.',
  minTradeNtl: 'Order must have minimum value of $10.',
  perpMargin: 'Insufficient margin to place order.',
  reduceOnly: 'Reduce only order would increase position.',
  badAloPx: 'Post only order would have immediately matched, bbo was',
  iocCancel: 'Order could not immediately match against any resting orders.',
  badTriggerPx: 'Invalid TP/SL price.',
  marketOrderNoLiquidity: 'No liquidity available for market order.',
  oracle: 'Order price too far from oracle',
  tooManyOrders: 'Too many open orders.',
} as const

export type OrderFault = keyof typeof WORDS

/** What is said of an order that was not taken. */
export type FaultAnswer = Readonly<{ kind: 'error'; fault: OrderFault; message: string }>

/** `detail` ends a sentence that names a figure. */
export function faultAnswer(fault: OrderFault, detail?: string): FaultAnswer {
  const words = WORDS[fault]
  return { kind: 'error', fault, message: detail === undefined ? words : `${words} ${detail}.` }
}

export const rejectedAs = (fault: OrderFault): OrderStatus => `${fault}Rejected`

/** What is said of a cancel that finds nothing to end. */
export const MISSING_ORDER = 'Order was never placed, already canceled, or filled.'
