import { z } from 'zod'

import { isHouseAsset, TokenCode } from '../budget/token-code.ts'

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

/** What people call a row; unique in its kind, and found by `pay 5 USDC to <name>`. */
export const RegistryName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\p{L}\p{N}][\p{L}\p{N} ._@$:+-]*$/u, 'a name is letters, digits, blanks and ._@$:+-')
  .transform((name) => name.normalize('NFC'))

/** An asset with what is needed to count it in base units. */
export const AssetValue = z.strictObject({
  code: TokenCode,
  decimals: z.int().min(0).max(18),
  /** The contract of a token, lower case; a native asset has none. */
  contract: z
    .string()
    .regex(/^0x[0-9a-f]{40}$/)
    .optional(),
  network: z.string().max(64).optional(),
})
export type AssetValue = z.infer<typeof AssetValue>

const Handle = z.string().regex(/^[a-z0-9_]{1,15}$/, 'is no handle of 1 to 15 letters, digits, _')

/** The value of a row, in canonical form, by its kind: what is compared with arguments. */
export const REGISTRY_VALUES = {
  address: z
    .string()
    .regex(/^(0x[0-9a-f]{40}|[1-9A-HJ-NP-Za-km-z]{25,64}|(bc1|tb1)[a-z0-9]{11,87})$/),
  asset: AssetValue,
  cashtag: z.string().regex(/^[A-Z]{1,6}(\.[A-Z]{1,2})?$/, 'is no symbol such as BTC'),
  domain: z.string().regex(/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})+$/, 'is no name of a host'),
  email: z.email().max(254),
  handle: Handle,
  url: z.url().max(2_000),
} as const satisfies Record<RegistryKind, z.ZodType>

/** `POST /v1/registry`: makes a row, or the next version of it. */
export const NewRegistryEntry = z
  .strictObject({
    kind: RegistryKind,
    name: RegistryName,
    value: z.union([z.string().min(1).max(2_000), z.record(z.string(), z.unknown())]),
    note: z.string().max(500).default(''),
  })
  .refine(({ kind, name }) => kind !== 'asset' || !isHouseAsset(name), {
    path: ['name'],
    error: 'is what the house counts by itself; no asset is named so',
  })
export type NewRegistryEntry = z.infer<typeof NewRegistryEntry>

/** `POST /v1/registry/remove`. */
export const RegistryRemoval = z.strictObject({
  kind: RegistryKind,
  name: RegistryName,
  reason: z.string().max(500).default(''),
})

/** A row as the API shows it. */
export const RegistryView = z.strictObject({
  kind: RegistryKind,
  name: z.string(),
  version: z.int().positive(),
  value: z.unknown(),
  note: z.string(),
  added_by: z.string(),
  added_at: z.string(),
  removed_by: z.string().nullable(),
  removed_at: z.string().nullable(),
})
export type RegistryView = z.infer<typeof RegistryView>
