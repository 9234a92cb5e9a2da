import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import type { Network } from './network/network.ts'
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

function credentialsOf(config: TweetConfig): XCredentials {
  const oauth2 = config.X_OAUTH2_TOKEN
  if (oauth2 !== undefined) return { kind: 'oauth2', token: () => oauth2 }
  const { X_API_KEY: consumerKey, X_API_SECRET: consumerSecret } = config
  const { X_ACCESS_TOKEN: token, X_ACCESS_SECRET: tokenSecret } = config
  if (
    consumerKey === undefined ||
    consumerSecret === undefined ||
    token === undefined ||
    tokenSecret === undefined
  ) {
    throw missing(
      ['X_OAUTH2_TOKEN'],
      'or the four values of OAuth 1.0a are needed by the back end x',
    )
  }
  return { kind: 'oauth1', consumerKey, consumerSecret, token, tokenSecret }
}

function missing(names: readonly string[], detail: string): ConfigError {
  return new ConfigError(names.map((pointer) => ({ pointer, detail })))
}
