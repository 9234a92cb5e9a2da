import { TokenCode } from '@chimera/contracts/budget/token-code'
import { z } from 'zod'

import { parseAddress, type Address } from '../chain/address.ts'

/** Base units, or micros of a US dollar: an integer as text, at most 256 bits. */
const Units = z
  .string()
  .regex(/^(?:0|[1-9][0-9]{0,77})$/, 'is not an integer in base units')
  .transform((text) => BigInt(text))

const AddressText = z.string().transform((text, context): Address => {
  const address = parseAddress(text)
  if (address !== undefined) return address
  context.addIssue({ code: 'custom', message: 'is no address, or its checksum is wrong' })
  return z.NEVER
})

/** The most that may leave in one transfer, and in each window; a window slides. */
const Caps = z.strictObject({
  per_transfer: Units,
  per_hour: Units,
  per_day: Units,
  per_week: Units,
})
export type Caps = z.infer<typeof Caps>

/** Where the price of a whole unit comes from. Without a fresh one nothing is sent. */
const Price = z.discriminatedUnion('kind', [
  /** For what is pegged: `usd_micros` per whole unit. */
  z.strictObject({ kind: z.literal('fixed'), usd_micros: Units }),
  /** A price feed on the chain itself (`latestRoundData`, as Chainlink's). */
  z.strictObject({
    kind: z.literal('feed'),
    contract: AddressText,
    decimals: z.int().min(0).max(18),
    max_age_ms: z.int().positive().max(86_400_000),
  }),
])

const Asset = z.strictObject({
  asset: TokenCode,
  /** Of the token; the one asset without it is the chain's own. */
  contract: AddressText.optional(),
  decimals: z.int().min(0).max(36),
  price: Price,
  caps: Caps,
})
export type Asset = Readonly<z.infer<typeof Asset>>

const Recipient = z.strictObject({
  address: AddressText,
  name: z.string().max(100).optional(),
  /** The delay of a new recipient counts from here. */
  added_at: z.iso.datetime().transform((text) => Date.parse(text)),
})

/**
 * What one wallet may do, whoever asks: a file of the operator's, read at the start, that no tool
 * can change. All of it has to be said; a field that is not known is a fault.
 */
export const WalletLimits = z
  .strictObject({
    assets: z.array(Asset).min(1).max(50),
    /** All assets together, gas included, in micros of a US dollar. */
    usd_micros: Caps,
    /** Transactions of any kind. */
    count: z.strictObject({
      per_hour: z.int().nonnegative(),
      per_day: z.int().nonnegative(),
      per_week: z.int().nonnegative(),
    }),
    /** Whom money may go to; nobody else. */
    recipients: z.array(Recipient).max(10_000),
    /** How long nobody who was never paid is paid after being added. */
    new_recipient_delay_ms: z.int().nonnegative(),
    /** No transaction offers more; what it reserves for gas is counted with this. */
    max_fee_per_gas_wei: Units,
    max_gas: z.int().min(21_000).max(30_000_000),
  })
  .superRefine((limits, context) => {
    const natives = limits.assets.filter((asset) => asset.contract === undefined)
    if (natives.length !== 1) {
      context.addIssue({ code: 'custom', message: 'exactly one asset is without a contract' })
    }
    const doubles: readonly [string, readonly string[]][] = [
      ['asset', limits.assets.map(({ asset }) => asset)],
      ['contract', limits.assets.flatMap(({ contract }) => contract ?? [])],
      ['recipient', limits.recipients.map(({ address }) => address)],
    ]
    for (const [what, names] of doubles) {
      if (new Set(names).size === names.length) continue
      context.addIssue({ code: 'custom', message: `one ${what} is named twice` })
    }
  })
export type WalletLimits = Readonly<z.infer<typeof WalletLimits>>

/** The asset that the chain moves by itself, and in which gas is paid. */
export function nativeAsset(limits: WalletLimits): Asset {
  const native = limits.assets.find((asset) => asset.contract === undefined)
  if (native === undefined) throw new TypeError('The limits name no native asset.')
  return native
}
