import { createHmac, timingSafeEqual } from 'node:crypto'

/** The four secrets of OAuth 1.0a, as the provider holds them. */
export type OAuth1Secrets = {
  readonly consumerKey: string
  readonly consumerSecret: string
  readonly token: string
  readonly tokenSecret: string
}

/** X refuses a timestamp that is further off. */
const MAX_CLOCK_SKEW_S = 300
/** Nonces are kept for the window in which their timestamp is good; the oldest go first. */
const MAX_NONCES = 10_000

/**
 * Checks OAuth 1.0a signatures by RFC 5849 section 3.4, written apart from the package that signs:
 * one implementation on both sides would agree with its own mistakes. A nonce is good once.
 */
export function createOAuth1Check(options: {
  holders: readonly { account: string; secrets: OAuth1Secrets }[]
  now: () => number
}): {
  holderOf: (request: { method: string; url: URL; authorization: string }) => string | undefined
} {
  const nonces = new Set<string>()
  return {
    holderOf: ({ method, url, authorization }) => {
      const sent = parseHeader(authorization)
      const holder = options.holders.find(
        ({ secrets }) =>
          secrets.token === sent?.get('oauth_token') &&
          secrets.consumerKey === sent.get('oauth_consumer_key'),
      )
      if (!sent || !holder) return undefined
      if (sent.get('oauth_signature_method') !== 'HMAC-SHA1') return undefined
      const skewS = Math.abs(Number(sent.get('oauth_timestamp')) - options.now() / 1_000)
      if (!(skewS <= MAX_CLOCK_SKEW_S)) return undefined
      const expected = signatureOf({ method, url, parameters: sent, secrets: holder.secrets })
      if (!isEqual(expected, sent.get('oauth_signature') ?? '')) return undefined
      const nonce = `${holder.account} ${sent.get('oauth_timestamp')} ${sent.get('oauth_nonce')}`
      if (nonces.has(nonce)) return undefined
      nonces.add(nonce)
      const [oldest] = nonces
      if (nonces.size > MAX_NONCES && oldest !== undefined) nonces.delete(oldest)
      return holder.account
    },
  }
}

/**
 * The signature over method, URL without query, and all parameters but the signature itself.
 * `form` holds the fields of a form body; a JSON body is not signed.
 */
export function signatureOf(request: {
  method: string
  url: URL
  parameters: ReadonlyMap<string, string>
  secrets: Pick<OAuth1Secrets, 'consumerSecret' | 'tokenSecret'>
  form?: URLSearchParams
}): string {
  const { method, url, parameters, secrets, form = [] } = request
  const pairs = [...url.searchParams, ...form, ...parameters]
    .filter(([name]) => name !== 'oauth_signature' && name !== 'realm')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .toSorted(([name, value], [otherName, otherValue]) =>
      name === otherName ? order(value, otherValue) : order(name, otherName),
    )
    .map(([name, value]) => `${name}=${value}`)
  const base = [method.toUpperCase(), `${url.origin}${url.pathname}`, pairs.join('&')]
  const key = [secrets.consumerSecret, secrets.tokenSecret].map(encode).join('&')
  return createHmac('sha1', key).update(base.map(encode).join('&')).digest('base64')
}

function parseHeader(authorization: string): Map<string, string> | undefined {
  if (!authorization.startsWith('OAuth ')) return undefined
  const fields = authorization.slice('OAuth '.length).matchAll(/([\w%.~-]+)="([^"]*)"/gu)
  try {
    return new Map(
      [...fields].map(([, name = '', value = '']) => [
        decodeURIComponent(name),
        decodeURIComponent(value),
      ]),
    )
  } catch {
    // A broken escape is no signature.
    return undefined
  }
}

/** RFC 3986: encodeURIComponent leaves five characters that OAuth wants escaped. */
function encode(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/gu,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

/** Byte order, as the RFC asks; all is ASCII after encoding. */
function order(left: string, right: string): number {
  if (left === right) return 0
  return left < right ? -1 : 1
}

function isEqual(left: string, right: string): boolean {
  const [a, b] = [Buffer.from(left), Buffer.from(right)]
  return a.length === b.length && timingSafeEqual(a, b)
}
