import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'

import { RetryableError } from '@chimera/contracts/errors'
import type { Refusal } from '@chimera/mcp-kit/provider/exchange'
import { z } from 'zod'

/**
 * The file of an OAuth 2.0 user token: what X's token endpoint answered, and when the access token
 * ends. Mode 0600; this process replaces it at every renewal.
 */
const TokenFile = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_at: z.iso.datetime(),
})
type TokenFile = z.infer<typeof TokenFile>

/** RFC 6749, 5.1. X gives a new refresh token each time and takes the old one never again. */
const Renewed = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1),
  expires_in: z.number().positive(),
})
const TokenError = z.object({ error: z.string().max(200) })

/** A token lives for two hours; whoever gets one must be able to use it up to its deadline. */
const RENEW_BEFORE_MS = 120_000
const RENEW_DEADLINE_MS = 10_000
const MAX_ANSWER_CHARS = 65_536

/** An access token that renews itself. */
export type OAuth2Token = Readonly<{
  current: () => string
  /** See `Network.renew`. One renewal at a time, whoever asks. */
  renew: () => Promise<Refusal | undefined>
}>

/** A token that somebody else renews: it is what it is. */
export function fixedToken(token: string): OAuth2Token {
  return { current: () => token, renew: async () => undefined }
}

/**
 * Opens the token of a file. A renewed pair is on the disk before it is used, because the refresh
 * token that it came for is worth nothing any more. Throws what the file's reading or shape throws.
 */
export function openOAuth2Token(options: {
  file: string
  clientId: string
  /** Of a confidential client; a public one has none. */
  clientSecret?: string
  /** Base URL of the API; the token endpoint is below it. */
  baseUrl: string
  now: () => number
}): OAuth2Token {
  let token = readToken(options.file)
  let renewing: Promise<Refusal | undefined> | undefined

  const renew = async (): Promise<Refusal | undefined> => {
    const isGood = (): boolean => Date.parse(token.expires_at) - options.now() > RENEW_BEFORE_MS
    if (isGood()) return undefined
    // Whoever held the account before this process may have renewed it.
    token = readToken(options.file)
    if (isGood()) return undefined
    const answer = await askForToken(options, token.refresh_token)
    const renewed = Renewed.safeParse(answer.body)
    if (answer.status === 200 && renewed.success) {
      const { expires_in: seconds, ...pair } = renewed.data
      const expiresAt = new Date(options.now() + seconds * 1_000).toISOString()
      const next = { ...pair, expires_at: expiresAt }
      replaceFile(options.file, next)
      token = next
      return undefined
    }
    const said = TokenError.safeParse(answer.body)
    if (answer.status < 500 && answer.status !== 429 && said.success) {
      const detail = `X refuses the refresh token (${said.data.error}): log in again.`
      return { code: 'UPSTREAM_REJECTED', detail }
    }
    throw unavailable(`it answered ${answer.status}`)
  }
  return {
    current: () => token.access_token,
    renew: () => {
      renewing ??= renew().finally(() => (renewing = undefined))
      return renewing
    },
  }
}

function readToken(file: string): TokenFile {
  return TokenFile.parse(JSON.parse(readFileSync(file, 'utf8')))
}

async function askForToken(
  of: { clientId: string; clientSecret?: string; baseUrl: string },
  refreshToken: string,
): Promise<{ status: number; body: unknown }> {
  const { clientId, clientSecret } = of
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken })
  const headers: Record<string, string> = { accept: 'application/json' }
  if (clientSecret === undefined) form.set('client_id', clientId)
  else {
    const pair = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`
    headers['authorization'] = `Basic ${Buffer.from(pair).toString('base64')}`
  }
  try {
    const response = await fetch(new URL('/2/oauth2/token', of.baseUrl), {
      method: 'POST',
      headers,
      body: form,
      redirect: 'error',
      signal: AbortSignal.timeout(RENEW_DEADLINE_MS),
    })
    const text = await response.text()
    return { status: response.status, body: parseJson(text.slice(0, MAX_ANSWER_CHARS)) }
  } catch (cause) {
    throw unavailable('it did not answer', cause)
  }
}

/** The old pair or the new one, whole, whatever dies in between. */
function replaceFile(file: string, token: TokenFile): void {
  const fresh = `${file}.new`
  const descriptor = openSync(fresh, 'w', 0o600)
  try {
    writeSync(descriptor, `${JSON.stringify(token)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
  renameSync(fresh, file)
  const folder = openSync(dirname(file), 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}

function unavailable(why: string, cause?: unknown): RetryableError {
  return new RetryableError('UPSTREAM_UNAVAILABLE', `X did not renew the token: ${why}.`, { cause })
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
