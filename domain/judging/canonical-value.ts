import { canonicalJson } from '@chimera/contracts/canonical'

/** An address of the EVM; its letters' case is a checksum, which the wallet checks. */
const EVM_ADDRESS = /^0x[0-9a-f]{40}$/i
const DECIMAL = /^\d{1,78}(?:\.\d{1,18})?$/

/** Arguments whose texts are amounts: `5.0` and `5` are one. */
const AMOUNTS: ReadonlySet<string> = new Set(['amount', 'price', 'size', 'trigger_price'])

/**
 * The one form of an argument's value, by which it is compared with what its pointer leads to:
 * addresses in lower case, amounts without idle zeros, all other texts in NFC (RFC 8785).
 */
export function canonicalValue(argument: string, value: unknown): string {
  if (typeof value === 'string' && EVM_ADDRESS.test(value))
    return canonicalJson(value.toLowerCase())
  if (typeof value === 'string' && AMOUNTS.has(argument) && DECIMAL.test(value)) {
    return canonicalJson(plainDecimal(value))
  }
  return canonicalJson(value)
}

function plainDecimal(text: string): string {
  const [whole = '0', fraction = ''] = text.split('.')
  const kept = fraction.replace(/0+$/, '')
  return whole.replace(/^0+(?=\d)/, '') + (kept === '' ? '' : `.${kept}`)
}
