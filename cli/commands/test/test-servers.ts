import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { keepLogin } from '@chimera/infra/database/logins/keep-login'
import { urlOfLogin } from '@chimera/infra/database/logins/url-of-login'
import { openDatabase } from '@chimera/infra/database/open-database'
import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openRedis } from '@chimera/infra/stack/redis-server'
import { openLog } from '@chimera/runtime/log'

/** As many files as vitest tries beside each other have a Redis each: tests flush theirs. */
export const TEST_WORKERS = 3

/** Where the servers of a test run are: the paths of `redisUrls` are Unix sockets. */
export type TestServerUrls = {
  databaseUrl: string
  /** The same database as the processes of each role log in to it. */
  loginUrls: { chimera_gateway: string; chimera_swarm: string }
  redisUrls: string[]
}

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
  const loginUrls = await makeLogins(postgres.url)
  const redisUrls: string[] = []
  // One after the other: the first may have to install the program.
  for (let worker = 1; worker <= TEST_WORKERS; worker += 1) {
    const folder = join(stateDir, String(worker))
    const redis = opening.use(await openRedis({ stateDir: folder, log, install: true }))
    redisUrls.push(redis.url)
  }
  const open = opening.move()
  return {
    urls: { databaseUrl: postgres.url, loginUrls, redisUrls },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** One for each role, for all databases of the tests: a stack of theirs makes its own. */
async function makeLogins(databaseUrl: string): Promise<TestServerUrls['loginUrls']> {
  const log = openLog({ name: 'test', level: 'silent' })
  await using database = openDatabase({ url: databaseUrl, name: 'test', log, max: 1 })
  const make = async (role: 'gateway' | 'swarm'): Promise<string> => {
    await database.query({ text: `CREATE ROLE chimera_${role} NOLOGIN` })
    return urlOfLogin(databaseUrl, await keepLogin(database, { role }))
  }
  return { chimera_gateway: await make('gateway'), chimera_swarm: await make('swarm') }
}
