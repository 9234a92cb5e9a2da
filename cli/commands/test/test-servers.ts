import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openRedis } from '@chimera/infra/stack/redis-server'

/** Where the servers of a test run are: `redisUrl` is the path of a Unix socket. */
export type TestServerUrls = { databaseUrl: string; redisUrl: string }

/**
 * Opens one private PostgreSQL and one private Redis for all tests of a run, in a folder of their
 * own that goes with them. Redis is installed by the system's package manager when it is missing
 * and may be installed; else the error says what to type.
 */
export async function openTestServers({
  log,
}: {
  log: (sentence: string) => void
}): Promise<AsyncDisposable & { urls: TestServerUrls }> {
  await using opening = new AsyncDisposableStack()
  // Not below the checkout: a Unix socket's path ends at 107 bytes, a checkout's may be longer.
  const stateDir = await mkdtemp(join(tmpdir(), 'chimera-test-'))
  opening.defer(() => rm(stateDir, { recursive: true, force: true, maxRetries: 5 }))
  // PostgreSQL runs as another user when this process is root, and has to get in.
  await chmod(stateDir, 0o711)
  // Nothing of a test run has to survive the machine.
  const postgres = opening.use(await openPostgres({ stateDir, log, durable: false }))
  const redis = opening.use(await openRedis({ stateDir, log, install: true }))
  const open = opening.move()
  return {
    urls: { databaseUrl: postgres.url, redisUrl: redis.url },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
