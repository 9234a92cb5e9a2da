/**
 * One spelling for every value that a policy compares. `undefined`: there is none, and what has no
 * canonical form is denied.
 */

/** Half of 256 bits in digits, as the widest chain has it. */
const BASE_UNITS = /^(?:0|[1-9][0-9]{0,77})$/
/** No sign, no exponent, no leading zero, no separators. */
const DECIMAL = /^(0|[1-9]\d{0,77})(?:\.(\d{1,78}))?$/

/** A whole number of base units. */
export function canonicalUnits(text: string): bigint | undefined {
  return BASE_UNITS.test(text) ? BigInt(text) : undefined
}

/**
 * Decimal text in units of 10^-decimals: `1.0`, `1.00` and `1` are one. More digits than the unit
 * has are no amount, unless they are zeros; `1e0` and `01` are none.
 */
export function canonicalDecimal(text: string, decimals: number): bigint | undefined {
  const [all, whole = '', written = ''] = DECIMAL.exec(text) ?? []
  if (all === undefined) return undefined
  const fraction = written.replace(/0+$/, '')
  if (fraction.length > decimals) return undefined
  return BigInt(whole) * 10n ** BigInt(decimals) + BigInt(fraction.padEnd(decimals, '0') || '0')
}

/** Micros of a US dollar. */
export const canonicalDollars = (text: string): bigint | undefined => canonicalDecimal(text, 6)

const HEX_ADDRESS = /^(?:0x)?([0-9a-f]{40})$/
const NAME = /^@?([a-z0-9][a-z0-9._:-]{0,127})$/

/**
 * Who gets it: an address of a chain in lower case with 0x, whatever its checksum; a handle
 * without its @ in lower case. Letters of other alphabets that look the same have no form.
 */
export function canonicalRecipient(text: string): string | undefined {
  const lower = asciiLower(text)
  if (lower === undefined) return undefined
  const [, hex] = HEX_ADDRESS.exec(lower) ?? []
  if (hex !== undefined) return `0x${hex}`
  return NAME.exec(lower)?.[1]
}

/** Agents, campaigns, accounts, goals: letters count as they are. */
export function canonicalName(text: string): string | undefined {
  return /^[A-Za-z0-9][A-Za-z0-9._:-]{0,255}$/.test(text) ? text : undefined
}

/** An asset code in capitals. */
export function canonicalAsset(text: string): string | undefined {
  const upper = asciiLower(text)?.toUpperCase()
  return upper !== undefined && /^[A-Z][A-Z0-9]{1,11}$/.test(upper) ? upper : undefined
}

/** A chain or venue in lower case. */
export function canonicalNetwork(text: string): string | undefined {
  const lower = asciiLower(text)
  return lower !== undefined && /^[a-z0-9][a-z0-9:._-]{0,63}$/.test(lower) ? lower : undefined
}

/** A persona's name or path: NFC, otherwise as it is. */
export function canonicalPersona(text: string): string | undefined {
  const nfc = text.normalize('NFC')
  return text.isWellFormed() && /^[^\p{C}]{1,256}$/u.test(nfc) ? nfc : undefined
}

/**
 * Text as arguments are compared: NFKC, lower case, without characters that nobody sees. Capitals,
 * wide letters and zero-width joiners do not get a word past a rule.
 */
export function foldedText(text: string): string {
  return text
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toLowerCase()
    .normalize('NFKC')
}

/** Milliseconds since 1970 of a time in UTC. */
export function canonicalTime(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/.test(text)) return undefined
  const ms = Date.parse(text)
  return Number.isNaN(ms) ? undefined : ms
}

/** Only ASCII has one lower case in every alphabet: others have no form. */
const asciiLower = (text: string): string | undefined =>
  /^[\x21-\x7E]{1,256}$/.test(text) ? text.toLowerCase() : undefined
