import { openTestServers, type TestServerUrls } from '@chimera/cli/commands/test/test-servers'
import type { TestProject } from 'vitest/node'
import { z } from 'zod'

/**
 * Global set-up of every project that needs servers. A test reads them with vitest's
 * `inject('databaseUrl')`, a superuser's URL of a private PostgreSQL 18, and `ownRedisUrl()` of
 * own-redis.ts, the path of the socket of its worker's private Redis (`new Redis(path)`).
 * PostgreSQL is shared by all tests of a run: create a database of your own. Redis is shared by the
 * files of one worker: flush it before, not after, so that what a failed test left can be looked
 * at.
 *
 * A test that needs a server which is not here calls `skip('why')` of its context: the summary
 * prints the reason.
 *
 * Under `./chimera test` they run already and CHIMERA_TEST_SERVERS says where; a bare
 * `vitest run --project integration` starts its own.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['CHIMERA_TEST_SERVERS']
  // The product refuses CHIMERA_ variables it does not know, and tests start the product.
  delete process.env['CHIMERA_TEST_SERVERS']
  await using stack = new AsyncDisposableStack()
  const urls =
    given === undefined
      ? stack.use(await openTestServers({ log: () => {} })).urls
      : TestServers.parse(JSON.parse(given))
  project.provide('databaseUrl', urls.databaseUrl)
  project.provide('loginUrls', urls.loginUrls)
  project.provide('redisUrls', urls.redisUrls)
  const open = stack.move()
  return () => open.disposeAsync()
}

const TestServers = z.strictObject({
  databaseUrl: z.string(),
  loginUrls: z.strictObject({ chimera_gateway: z.string(), chimera_swarm: z.string() }),
  redisUrls: z.array(z.string()),
})

declare module 'vitest' {
  interface ProvidedContext extends TestServerUrls {}
}
