import { z } from 'zod'

import { AssetCode } from '../money.ts'

/** What a row of the registry may be: somewhere that words or money of the house may go. */
export const RegistryKind = z.enum([
  'address',
  'asset',
  'cashtag',
  'domain',
  'email',
  'handle',
  'url',
])
export type RegistryKind = z.infer<typeof RegistryKind>

/** An asset with what is needed to count it in base units. */
export const AssetValue = z.strictObject({
  code: AssetCode,
  decimals: z.int().min(0).max(18),
  /** The contract of a token, lower case; a native asset has none. */
  contract: z
    .string()
    .regex(/^0x[0-9a-f]{40}$/)
    .optional(),
  network: z.string().max(64).optional(),
})
export type AssetValue = z.infer<typeof AssetValue>
