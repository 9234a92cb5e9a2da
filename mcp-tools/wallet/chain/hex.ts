import { z } from 'zod'

/** Bytes as JSON-RPC spells them. */
export const HexBytes = z
  .string()
  .regex(/^0x(?:[0-9a-fA-F]{2})*$/, 'is not hexadecimal')
  .transform((text) => Buffer.from(text.slice(2), 'hex'))

/** A number as JSON-RPC spells it. */
export const HexQuantity = z
  .string()
  .regex(/^0x[0-9a-fA-F]{1,64}$/, 'is not a hexadecimal number')
  .transform((text) => BigInt(text))

export const hexOf = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString('hex')}`
export const quantityOf = (value: bigint | number): string => `0x${value.toString(16)}`
