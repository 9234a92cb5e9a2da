/** Where a text can send its reader: what a person would follow, look up or pay. */
export type Destination = {
  readonly kind: 'url' | 'mention' | 'cashtag' | 'address' | 'email' | 'phone'
  /** One spelling for all that lead to the same place; compared, and shown to the approver. */
  readonly canonical: string
}

const SCHEME = /^[a-z][a-z0-9+.-]{0,20}:/i

/**
 * A link by the WHATWG rules: the host in lower case and punycode, no default port, no final slash.
 * The scheme is left out for http and https, because a bare domain leads to the same place. What
 * cannot be parsed stays as it is, in lower case, and is equal to nothing else.
 */
export function canonicalUrl(text: string): string {
  const spelled = SCHEME.test(text) && !/^[^/]*\.[^/]*:\d/.test(text) ? text : `https://${text}`
  if (!URL.canParse(spelled)) return text.toLowerCase()
  const url = new URL(spelled)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return url.href
  const user = url.username === '' ? '' : `${url.username}:${url.password}@`
  const host = url.host.replace(/\.(?=:|$)/, '')
  const path = `${url.pathname}${url.search}${url.hash}`
  return user + host + (path === '/' ? '' : path)
}

/** The host of a canonical link: what a `domain` row of the registry is compared with. */
export function hostOf(canonical: string): string {
  const [authority = ''] = canonical.split(/[/?#]/, 1)
  // Whoever names a user before the host wants to look like another host.
  return authority.includes('@') ? authority : authority.replace(/:\d+$/, '')
}

/** An EVM address in lower case; any other is case-sensitive and stays as it is. */
export function canonicalAddress(text: string): string {
  const joined = text.replaceAll(/[\s-]/g, '')
  return /^(0x|bc1|tb1|ln)/i.test(joined) || joined.includes('.') ? joined.toLowerCase() : joined
}

export const canonicalMention = (handle: string): string =>
  handle.replace(/^[@＠]/, '').toLowerCase()

export const canonicalCashtag = (symbol: string): string =>
  symbol.replace(/^[$＄]/, '').toUpperCase()
