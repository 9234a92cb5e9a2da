import { TerminalError, type Fault } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'

import type { Environment } from './process-environment.ts'

/** What the operator's environment says about servers: none of it, and the stack brings its own. */
export type OutsideServers = Readonly<{
  databaseUrl: string | undefined
  redisUrl: string | undefined
  /** Whose words an XADD is. Only for its own private socket does the stack know the answer. */
  goalsFromStream: 'owner' | 'untrusted' | 'off'
}>

/**
 * Reads DATABASE_URL, REDIS_URL and GOALS_FROM_STREAM, and checks the names of all `CHIMERA_*`.
 *
 * @throws TerminalError `CONFIG_INVALID` when a foreign server is named and GOALS_FROM_STREAM is
 * not
 */
export function loadOutsideServers(env: Environment): OutsideServers {
  loadConfig(['base'], env)
  const databaseUrl = isGiven(env, 'DATABASE_URL')
    ? loadConfig(['postgres'], env).DATABASE_URL
    : undefined
  const redisUrl = isGiven(env, 'REDIS_URL') ? loadConfig(['redis'], env).REDIS_URL : undefined
  if (isGiven(env, 'GOALS_FROM_STREAM')) {
    const goalsFromStream = loadConfig(['goals'], env).GOALS_FROM_STREAM
    return { databaseUrl, redisUrl, goalsFromStream }
  }
  if (databaseUrl === undefined && redisUrl === undefined)
    return { databaseUrl, redisUrl, goalsFromStream: 'owner' }
  const fault: Fault = { pointer: 'GOALS_FROM_STREAM', detail: 'is not set' }
  throw new TerminalError(
    'CONFIG_INVALID',
    'DATABASE_URL or REDIS_URL names a server that others may reach, so GOALS_FROM_STREAM must ' +
      'say whose words a goal on the stream is: owner, untrusted or off.',
    { faults: [fault] },
  )
}

function isGiven(env: Environment, name: string): boolean {
  return [name, `${name}_FILE`].some((one) => (env[one] ?? '').trim() !== '')
}
