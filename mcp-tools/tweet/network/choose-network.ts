import type { Config } from '@chimera/contracts/config'
import { TerminalError } from '@chimera/contracts/errors'

import type { Network } from './network.ts'
import { simulatedNetwork } from './simulated-network.ts'
import { type XCredentials, xNetwork } from './x-network.ts'

/**
 * The back end that the configuration names. Nothing is guessed: a back end without its settings,
 * settings of two kinds of credentials, and shortened times beside real posts are all refused with
 * CONFIG_INVALID (exit code 78).
 */
export function chooseNetwork(config: Config<'tweet'>): Network {
  if (config.TWEET_BACKEND === 'simulated') {
    const { SIMULATED_X_URL: baseUrl, SIMULATED_X_TOKEN: token } = config
    if (baseUrl === undefined || token === undefined) {
      throw invalid('TWEET_BACKEND=simulated needs SIMULATED_X_URL and SIMULATED_X_TOKEN.')
    }
    const absenceMs = config.TWEET_ABSENCE_MS
    return simulatedNetwork({ baseUrl, token, ...(absenceMs === undefined ? {} : { absenceMs }) })
  }
  const shortened = (['TWEET_COOLDOWN_MS', 'TWEET_ABSENCE_MS'] as const).filter(
    (name) => config[name] !== undefined,
  )
  if (shortened.length > 0) {
    throw invalid(`${shortened.join(' and ')}: for simulated back ends only, not beside X.`)
  }
  return xNetwork({ baseUrl: config.X_BASE_URL, credentials: credentialsOf(config) })
}

function credentialsOf(config: Config<'tweet'>): XCredentials {
  const {
    X_API_KEY: consumerKey,
    X_API_SECRET: consumerSecret,
    X_ACCESS_TOKEN: token,
    X_ACCESS_SECRET: tokenSecret,
    X_OAUTH2_TOKEN: bearer,
  } = config
  const given = [consumerKey, consumerSecret, token, tokenSecret].filter(
    (value) => value !== undefined,
  ).length
  if (bearer !== undefined && given === 0) return { kind: 'oauth2', token: () => bearer }
  if (
    bearer !== undefined ||
    consumerKey === undefined ||
    consumerSecret === undefined ||
    token === undefined ||
    tokenSecret === undefined
  ) {
    throw invalid(
      'TWEET_BACKEND=x needs either X_OAUTH2_TOKEN or all of X_API_KEY, X_API_SECRET, ' +
        'X_ACCESS_TOKEN and X_ACCESS_SECRET.',
    )
  }
  return { kind: 'oauth1', consumerKey, consumerSecret, token, tokenSecret }
}

function invalid(message: string): TerminalError {
  return new TerminalError('CONFIG_INVALID', message)
}
