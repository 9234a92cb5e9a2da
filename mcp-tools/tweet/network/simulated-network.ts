import { apiNetwork } from './api-network.ts'
import { authorizeByBearer } from './authorize.ts'
import { X_ABSENCE, type Network } from './network.ts'

/** The hosts of the real thing: a simulated back end that reaches them would be a lie. */
const REAL_HOSTS = /(?:^|\.)(?:x|twitter)\.com$/iu

/** Two timeline reads lie a fifteenth of the bound apart, as X's minute lies in its 15. */
const READS_APART_SHARE = 15

/**
 * The simulated X process (`mcp-tools/tweet/simulated-x`). Never live. `absenceMs` stands for X's
 * 15 minutes. Throws TypeError when the base URL is a host of X.
 */
export function simulatedNetwork(options: {
  baseUrl: string
  token: string
  absenceMs?: number
  now?: () => number
  readDeadlineMs?: number
}): Network {
  const { token, absenceMs = X_ABSENCE.afterMs, now = Date.now, readDeadlineMs } = options
  const baseUrl = new URL(options.baseUrl)
  if (REAL_HOSTS.test(baseUrl.hostname)) {
    throw new TypeError(`"${baseUrl.hostname}" is X itself, not a simulation of it.`)
  }
  const base = baseUrl.href.replace(/\/$/u, '')
  return apiNetwork({
    label: 'simulated',
    isLive: false,
    absence: {
      afterMs: absenceMs,
      reads: X_ABSENCE.reads,
      readsApartMs: Math.ceil(absenceMs / READS_APART_SHARE),
    },
    baseUrl,
    authorize: authorizeByBearer(() => token),
    postUrl: (id) => `${base}/2/tweets/${id}`,
    // One machine, one clock.
    clockSkewMs: 0,
    now,
    readDeadlineMs,
  })
}
