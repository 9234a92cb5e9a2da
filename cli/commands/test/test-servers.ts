import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openRedis } from '@chimera/infra/stack/redis-server'

/** As many files as vitest tries beside each other have a Redis each: tests flush theirs. */
export const TEST_WORKERS = 3

/** Where the servers of a test run are: the paths of `redisUrls` are Unix sockets. */
export type TestServerUrls = { databaseUrl: string; redisUrls: string[] }

/**
 * Opens one private PostgreSQL for all tests of a run and a private Redis for each worker of
 * vitest, in a folder of their own that goes with them. Redis is installed by the system's package
 * manager when it is missing and may be installed; else the error says what to type.
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
  const redisUrls: string[] = []
  // One after the other: the first may have to install the program.
  for (let worker = 1; worker <= TEST_WORKERS; worker += 1) {
    const folder = join(stateDir, String(worker))
    const redis = opening.use(await openRedis({ stateDir: folder, log, install: true }))
    redisUrls.push(redis.url)
  }
  const open = opening.move()
  return {
    urls: { databaseUrl: postgres.url, redisUrls },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}
