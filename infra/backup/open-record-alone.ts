import { ConflictError } from '@chimera/contracts/errors'

import { findStack } from '../stack/control-client.ts'
import { loadOutsideServers } from '../stack/outside-servers.ts'
import { openPostgres } from '../stack/postgres-server.ts'
import type { Environment } from '../stack/process-environment.ts'
import { tryLock } from '../stack/processes/file-lock.ts'
import type { StackLog } from '../stack/stack-log.ts'
import { prepareStateDir, type StateDirPaths } from '../stack/state-dir.ts'

/** The record of a state directory whose stack does not run, and cannot be started meanwhile. */
export type RecordAlone = {
  readonly paths: StateDirPaths
  readonly databaseUrl: string
  /** Undefined for the stack's own Redis, which does not run. */
  readonly redisUrl: string | undefined
}

/**
 * Takes the place of the supervisor and starts its PostgreSQL alone, or uses DATABASE_URL; both are
 * given back with `stack`. Throws STACK_RUNNING when the stack runs.
 */
export async function openRecordAlone(of: {
  stateDir: string
  env: Environment
  log: StackLog
  stack: AsyncDisposableStack
}): Promise<RecordAlone> {
  const outside = loadOutsideServers(of.env)
  const paths = await prepareStateDir(of.stateDir)
  // A lock that nobody answers for belongs to a stack that starts or ends: running, to us.
  const found = await findStack(of.stateDir).catch(() => 'busy')
  const lock = found === undefined ? tryLock(paths.lockFile) : undefined
  if (lock === undefined) {
    throw new ConflictError(
      'STACK_RUNNING',
      `A stack runs on ${paths.root}. End it with ./chimera down, then try again.`,
    )
  }
  of.stack.use(lock)
  if (outside.databaseUrl !== undefined) {
    return { paths, databaseUrl: outside.databaseUrl, redisUrl: outside.redisUrl }
  }
  const postgres = of.stack.use(await openPostgres({ stateDir: of.stateDir, log: of.log }))
  return { paths, databaseUrl: postgres.url, redisUrl: outside.redisUrl }
}
