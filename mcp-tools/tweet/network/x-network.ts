import { apiNetwork } from './api-network.ts'
import { authorizeByBearer, authorizeByOAuth1, type OAuth1Credentials } from './authorize.ts'
import { isLoopback } from './loopback.ts'
import { X_ABSENCE, type Network } from './network.ts'
import type { OAuth2Token } from './oauth2-token.ts'

/** Where X serves its API v2. */
export const X_BASE_URL = 'https://api.x.com'

/**
 * Between two hosts that keep time. The ids of posts are in X's clock, the claim in ours; a post
 * taken for older than its claim would be posted again, one taken for newer is refused by its text.
 */
const CLOCK_SKEW_MS = 10_000

/** User context, by either protocol. App-only tokens cannot post. */
export type XCredentials =
  | ({ readonly kind: 'oauth1' } & OAuth1Credentials)
  | { readonly kind: 'oauth2'; readonly token: OAuth2Token }

/**
 * X itself, API v2. Opens no connection. Throws TypeError on a base URL that is neither https nor
 * loopback: credentials never travel in the clear.
 */
export function xNetwork(options: {
  credentials: XCredentials
  baseUrl?: string
  now?: () => number
  readDeadlineMs?: number
}): Network {
  const { credentials, baseUrl = X_BASE_URL, now = Date.now, readDeadlineMs } = options
  const url = new URL(baseUrl)
  if (url.protocol !== 'https:' && !isLoopback(url.hostname)) {
    throw new TypeError(`The base URL of X must be https, not "${url.protocol}//${url.host}".`)
  }
  return apiNetwork({
    label: 'x',
    isLive: true,
    absence: X_ABSENCE,
    baseUrl: url,
    authorize:
      credentials.kind === 'oauth1'
        ? authorizeByOAuth1(credentials, { now })
        : authorizeByBearer(credentials.token.current),
    ...(credentials.kind === 'oauth2' ? { renew: credentials.token.renew } : {}),
    postUrl: (id) => `https://x.com/i/web/status/${id}`,
    clockSkewMs: CLOCK_SKEW_MS,
    now,
    readDeadlineMs,
  })
}
