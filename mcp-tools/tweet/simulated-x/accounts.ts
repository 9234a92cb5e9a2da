import { createHash } from 'node:crypto'

import { createOAuth1Check, type OAuth1Secrets } from './check-oauth1.ts'

/** One account of the simulated X and how it proves who it is. */
export type SimulatedAccount = {
  /** The name in the record. */
  readonly account: string
  /** An OAuth 2.0 user token. */
  readonly bearerToken?: string
  readonly oauth1?: OAuth1Secrets
}

/** Who sent a request: an account, an app without a user, or nobody known. */
export type Sender =
  | { readonly kind: 'user'; readonly account: string; readonly userId: string }
  | { readonly kind: 'app' }
  | { readonly kind: 'nobody' }

export type Accounts = {
  readonly identify: (request: {
    method: string
    url: URL
    authorization: string | undefined
  }) => Sender
}

/**
 * Accounts by token. With none given, any bearer token is a user of its own, named by its hash: a
 * simulation has no secrets to keep, and an operator may try it with curl.
 */
export function openAccounts(options: {
  accounts: readonly SimulatedAccount[]
  appTokens: readonly string[]
  now: () => number
}): Accounts {
  const { accounts, appTokens, now } = options
  const byBearer = new Map(accounts.map(({ account, bearerToken }) => [bearerToken, account]))
  const oauth1 = createOAuth1Check({
    holders: accounts.flatMap(({ account, oauth1: secrets }) =>
      secrets ? [{ account, secrets }] : [],
    ),
    now,
  })
  const user = (account: string): Sender => ({ kind: 'user', account, userId: userIdOf(account) })

  return {
    identify: ({ method, url, authorization = '' }) => {
      const bearer = /^Bearer (\S{1,512})$/u.exec(authorization)?.[1]
      if (bearer !== undefined) {
        if (appTokens.includes(bearer)) return { kind: 'app' }
        const known = byBearer.get(bearer)
        if (known !== undefined) return user(known)
        return accounts.length === 0
          ? user(`token-${sha256(bearer).slice(0, 8)}`)
          : { kind: 'nobody' }
      }
      const signed = oauth1.holderOf({ method, url, authorization })
      return signed === undefined ? { kind: 'nobody' } : user(signed)
    },
  }
}

/** The number of an account, the same in every life of the process. */
export function userIdOf(account: string): string {
  return String(BigInt(`0x${sha256(account).slice(0, 12)}`) + 1n)
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
