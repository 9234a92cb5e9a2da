import { z } from 'zod'

/** What a receipt says of an order that was filled, among the facts that its tool server signed. */
export const FilledOrder = z.object({
  side: z.enum(['buy', 'sell']),
  /** Decimal text. */
  average_price: z.string(),
  /** What the venue showed when the order was made; an exit does not ask for it. */
  mark_price: z.string().optional(),
})

/** What an order was granted at, among the arguments of `place_order` and `close_position`. */
export const PricedOrder = z.object({
  /** The limit, or the worst price that is taken. */
  price: z.string(),
  /** Of an order that sleeps until a price is there. */
  trigger: z.unknown().optional(),
})
