/** How the reference spells values: by docs/policy.md, not by the engine. */

/** A decimal as [digits without the point, how many stand behind it], zeros at the end gone. */
function decimal(text: string): [string, number] | undefined {
  const [whole = '', fraction, ...more] = text.split('.')
  const isDigits = (part: string) => part !== '' && /^[0-9]+$/.test(part)
  if (more.length > 0 || !isDigits(whole) || whole.length > 78) return undefined
  if (whole.length > 1 && whole.startsWith('0')) return undefined
  if (fraction === undefined) return [whole, 0]
  if (!isDigits(fraction) || fraction.length > 78) return undefined
  let kept = fraction
  while (kept.endsWith('0')) kept = kept.slice(0, -1)
  return [whole + kept, kept.length]
}

export function scaled(text: string, places: number): bigint | undefined {
  const found = decimal(text)
  if (found === undefined || found[1] > places) return undefined
  return BigInt(found[0] + '0'.repeat(places - found[1]))
}

export const units = (text: string): bigint | undefined =>
  text.includes('.') ? undefined : scaled(text, 0)

export const isAscii = (text: string): boolean => /^[!-~]*$/.test(text)

export function recipient(text: string): string | undefined {
  if (!isAscii(text) || text.length > 256) return undefined
  let lower = text.toLowerCase()
  const bare = lower.startsWith('0x') ? lower.slice(2) : lower
  if (/^[0-9a-f]{40}$/.test(bare)) return `0x${bare}`
  if (lower.startsWith('@')) lower = lower.slice(1)
  return /^[a-z0-9][a-z0-9._:-]{0,127}$/.test(lower) ? lower : undefined
}

export const asset = (text: string): string | undefined =>
  isAscii(text) && /^[a-z][a-z0-9]{1,11}$/i.test(text) ? text.toUpperCase() : undefined

/** The coin: behind the dex, before the quote, without the k of a thousand. */
export function coin(text: string): string | undefined {
  const wide = text.normalize('NFKC')
  const name = wide.includes(':') ? wide.slice(wide.indexOf(':') + 1) : wide
  const first = name.split(/[-/_@.\s]/)[0] ?? ''
  const isThousand = first.startsWith('k') && first.charAt(1) >= 'A' && first.charAt(1) <= 'Z'
  return asset((isThousand ? first.slice(1) : first).toUpperCase())
}

export const fold = (text: string): string =>
  text
    .normalize('NFKC')
    .split(/\p{Cf}/u)
    .join('')
    .toLowerCase()
    .normalize('NFKC')

export function timeOf(text: string): number | undefined {
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(text)) return undefined
  const at = new Date(text).getTime()
  return Number.isNaN(at) ? undefined : at
}
