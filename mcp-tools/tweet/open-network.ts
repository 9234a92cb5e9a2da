import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import type { Network } from './network/network.ts'
import { fixedToken, openOAuth2Token, type OAuth2Token } from './network/oauth2-token.ts'
import { simulatedNetwork } from './network/simulated-network.ts'
import { xNetwork, type XCredentials } from './network/x-network.ts'

type TweetConfig = Config<'tweet'>

/**
 * The network that the configuration names. Throws ConfigError for what is missing, and for
 * anything that would bend the rules beside a live back end.
 */
export function openNetwork(config: TweetConfig, isCrashArmed: boolean): Network {
  if (config.TWEET_BACKEND === 'x') {
    refuseBesideLive(config, isCrashArmed)
    return xNetwork({ credentials: credentialsOf(config), baseUrl: config.X_BASE_URL })
  }
  const { SIMULATED_X_URL: baseUrl, SIMULATED_X_TOKEN: token } = config
  if (baseUrl === undefined || token === undefined) {
    throw missing(['SIMULATED_X_URL', 'SIMULATED_X_TOKEN'], 'is needed by the simulated back end')
  }
  const absenceMs = config.TWEET_ABSENCE_MS
  return simulatedNetwork({ baseUrl, token, ...(absenceMs === undefined ? {} : { absenceMs }) })
}

function refuseBesideLive(config: TweetConfig, isCrashArmed: boolean): void {
  const names = (['TWEET_COOLDOWN_MS', 'TWEET_ABSENCE_MS'] as const).filter(
    (name) => config[name] !== undefined,
  )
  const refused = isCrashArmed ? [...names, 'CHIMERA_CRASH_AT'] : names
  if (refused.length > 0) throw missing(refused, 'is refused beside a live back end')
}

/** One way to prove who is posting; more than one would be a guess. */
function credentialsOf(config: TweetConfig): XCredentials {
  const { X_API_KEY: consumerKey, X_API_SECRET: consumerSecret } = config
  const { X_ACCESS_TOKEN: token, X_ACCESS_SECRET: tokenSecret } = config
  const { X_OAUTH2_TOKEN: fixed, X_OAUTH2_SESSION: session } = config
  const isOAuth1 = [consumerKey, consumerSecret, token, tokenSecret].some(
    (value) => value !== undefined,
  )
  const ways = [fixed !== undefined, session !== undefined, isOAuth1].filter(Boolean)
  if (ways.length > 1) {
    throw missing(['X_OAUTH2_TOKEN'], 'and X_OAUTH2_SESSION and OAuth 1.0a exclude each other')
  }
  if (fixed !== undefined) return { kind: 'oauth2', token: fixedToken(fixed) }
  if (session !== undefined) return { kind: 'oauth2', token: openSession(config, session) }
  if (
    consumerKey === undefined ||
    consumerSecret === undefined ||
    token === undefined ||
    tokenSecret === undefined
  ) {
    const detail =
      'or X_OAUTH2_SESSION or the four values of OAuth 1.0a are needed by the back end x'
    throw missing(['X_OAUTH2_TOKEN'], detail)
  }
  return { kind: 'oauth1', consumerKey, consumerSecret, token, tokenSecret }
}

function openSession(config: TweetConfig, file: string): OAuth2Token {
  const { X_OAUTH2_CLIENT_ID: clientId, X_OAUTH2_CLIENT_SECRET: clientSecret } = config
  if (clientId === undefined) throw missing(['X_OAUTH2_CLIENT_ID'], 'is needed to renew tokens')
  try {
    return openOAuth2Token({
      file,
      clientId,
      ...(clientSecret === undefined ? {} : { clientSecret }),
      baseUrl: config.X_BASE_URL,
      now: Date.now,
    })
  } catch {
    // What was in it may be half a secret: only that it cannot be used is told.
    throw missing(['X_OAUTH2_SESSION'], 'names no readable file of a token pair')
  }
}

function missing(names: readonly string[], detail: string): ConfigError {
  return new ConfigError(names.map((pointer) => ({ pointer, detail })))
}
