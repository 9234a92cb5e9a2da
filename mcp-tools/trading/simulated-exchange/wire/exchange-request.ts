import { z } from 'zod'

/**
 * What `/exchange` takes. The order of the keys here is the exchange's own: it packs what it has
 * understood again and recovers the signer from that, so whoever signed other keys, another order
 * or "100.0" has signed as somebody else. zod gives the keys back in the order of the schema.
 */

/** Milliseconds, and every other whole number of the wire. */
const Whole = z.int().nonnegative()
/** A number as text. The exchange writes it in its shortest form before it looks at it. */
const Decimal = z
  .string()
  .max(40)
  .regex(/^\d+(?:\.\d+)?$/u)
  .transform((text) => text.replace(/^0+(?=\d)/u, ''))
  .transform((text) => (text.includes('.') ? text.replace(/\.?0+$/u, '') : text))
const Hex = (bytes: number) =>
  z
    .string()
    .regex(new RegExp(`^0x[0-9a-fA-F]{${bytes * 2}}$`, 'u'))
    .transform((text) => text.toLowerCase())
const Address = Hex(20)
const Cloid = Hex(16)

export const WireOrder = z.object({
  a: Whole,
  b: z.boolean(),
  p: Decimal,
  s: Decimal,
  r: z.boolean(),
  t: z.union([
    z.strictObject({
      limit: z.object({ tif: z.enum(['Gtc', 'Ioc', 'Alo', 'FrontendMarket']) }),
    }),
    z.strictObject({
      trigger: z.object({
        isMarket: z.boolean(),
        triggerPx: Decimal,
        tpsl: z.enum(['tp', 'sl']),
      }),
    }),
  ]),
  c: Cloid.exactOptional(),
})
export type WireOrder = z.infer<typeof WireOrder>

/** As long as a batch may be. */
const MAX_BATCH = 1_000
const OrderAction = z.object({
  type: z.literal('order'),
  orders: z.array(WireOrder).min(1).max(MAX_BATCH),
  grouping: z.enum(['na', 'normalTpsl', 'positionTpsl']),
})
const CancelAction = z.object({
  type: z.literal('cancel'),
  cancels: z
    .array(z.object({ a: Whole, o: Whole }))
    .min(1)
    .max(MAX_BATCH),
})
const CancelByCloidAction = z.object({
  type: z.literal('cancelByCloid'),
  cancels: z
    .array(z.object({ asset: Whole, cloid: Cloid }))
    .min(1)
    .max(MAX_BATCH),
})
const ModifyAction = z.object({
  type: z.literal('modify'),
  oid: z.union([Whole, Cloid]),
  order: WireOrder,
})
const LeverageAction = z.object({
  type: z.literal('updateLeverage'),
  asset: Whole,
  isCross: z.boolean(),
  leverage: Whole,
})
const ScheduleCancelAction = z.object({
  type: z.literal('scheduleCancel'),
  time: Whole.exactOptional(),
})
const NoopAction = z.object({ type: z.literal('noop') })

export const Action = z.discriminatedUnion('type', [
  OrderAction,
  CancelAction,
  CancelByCloidAction,
  ModifyAction,
  LeverageAction,
  ScheduleCancelAction,
  NoopAction,
])
export type Action = z.infer<typeof Action>

/** SDKs write r and s with or without leading zeros. */
const Scalar = z.string().regex(/^0x[0-9a-fA-F]{1,64}$/u)
export const ExchangeRequest = z.object({
  action: Action,
  nonce: Whole,
  signature: z.object({ r: Scalar, s: Scalar, v: z.union([z.literal(27), z.literal(28)]) }),
  vaultAddress: Address.nullish(),
  expiresAfter: Whole.nullish(),
})
export type ExchangeRequest = z.infer<typeof ExchangeRequest>
