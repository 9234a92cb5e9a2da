import { createHmac, randomUUID } from 'node:crypto'

import OAuth from 'oauth-1.0a'

/** Makes the `authorization` header of one request. A new nonce for each; never logged. */
export type Authorize = (request: { method: 'GET' | 'POST' | 'DELETE'; url: string }) => string

/** The four secrets of OAuth 1.0a user context. */
export type OAuth1Credentials = {
  readonly consumerKey: string
  readonly consumerSecret: string
  readonly token: string
  readonly tokenSecret: string
}

/**
 * OAuth 1.0a user context, HMAC-SHA1 as X requires. A JSON body is not part of the signature (RFC
 * 5849, 3.4.1.3), the query is.
 */
export function authorizeByOAuth1(
  credentials: OAuth1Credentials,
  { now, nonce = newNonce }: { now: () => number; nonce?: () => string },
): Authorize {
  const oauth = new OAuth({
    consumer: { key: credentials.consumerKey, secret: credentials.consumerSecret },
    signature_method: 'HMAC-SHA1',
    hash_function: (base, key) => createHmac('sha1', key).update(base).digest('base64'),
  })
  // The package's own nonce comes from Math.random.
  oauth.getNonce = nonce
  oauth.getTimeStamp = () => Math.floor(now() / 1_000)
  const token = { key: credentials.token, secret: credentials.tokenSecret }
  return ({ method, url }) => oauth.toHeader(oauth.authorize({ method, url }, token)).Authorization
}

/**
 * OAuth 2.0 user context. The token is asked for at each request, for it lives two hours and
 * whoever renews it replaces a file.
 */
export function authorizeByBearer(token: () => string): Authorize {
  return () => `Bearer ${token()}`
}

function newNonce(): string {
  return randomUUID().replaceAll('-', '')
}
