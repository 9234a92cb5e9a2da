import { setTimeout as sleep } from 'node:timers/promises'

import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { buildWeaviate } from '@chimera/infra/stack/weaviate/weaviate-build'

/** The project with the tests of Weaviate; it comes last, for the server may still be built. */
export const WEAVIATE_PROJECT = 'weaviate'

/** The tests before it take longer than the build; who is slower is waited for no longer. */
const PATIENCE_MS = 25_000

/** A server for the tests of Weaviate that is on its way. */
export type ComingWeaviate = AsyncDisposable &
  Readonly<{
    /** Resolves when it is there, or with the reason why it is not. */
    missing: () => Promise<string | undefined>
  }>

/**
 * Has Go build Weaviate's server beside the tests, once for a checkout, where there is none. Tests
 * go first: it gets what they leave of one core. Where Weaviate is all that is asked for, the
 * build is what everybody waits for.
 */
export async function bringWeaviate(of: {
  projects: readonly string[]
  /** Whether there is a limit to the time of the run. */
  isTimed: boolean
  env: Record<string, string | undefined>
  log: (sentence: string) => void
}): Promise<ComingWeaviate> {
  const { projects, env, log } = of
  const isNamed = (env['WEAVIATE_URL'] ?? '') !== ''
  const isHere = isNamed || (await findWeaviateBinary(env['PATH'] ?? '')) !== undefined
  if (isHere || !projects.includes(WEAVIATE_PROJECT)) {
    return { missing: async () => undefined, [Symbol.asyncDispose]: async () => {} }
  }
  const stop = new AbortController()
  const isAside = projects.length > 1
  const built = buildWeaviate({
    env,
    isAside,
    signal: stop.signal,
    log: (sentence) => log(`chimera: ${sentence}`),
  }).then(
    () => undefined,
    (cause: unknown) => (cause instanceof Error ? cause.message : String(cause)),
  )
  return {
    missing: async () => {
      if (!isAside || !of.isTimed) return built
      const late = sleep(PATIENCE_MS, 'its build did not end in time; the next run goes on with it')
      return Promise.race([built, late])
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await built
    },
  }
}
