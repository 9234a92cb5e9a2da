import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { buildWeaviate } from '@chimera/infra/stack/weaviate/weaviate-build'

/** The project with the tests of Weaviate; it comes last, for the server may still be built. */
export const WEAVIATE_PROJECT = 'weaviate'

/** What a run that has to end in time says instead. */
const NOT_BUILT =
  'the build takes minutes of both cores, which a run with a limit does not have; ' +
  './chimera test --only weaviate builds it once and keeps it, as ./chimera up --weaviate does'

/** A server for the tests of Weaviate that is on its way. */
export type ComingWeaviate = AsyncDisposable &
  Readonly<{
    /** Resolves when it is there, or with the reason why it is not. */
    missing: () => Promise<string | undefined>
  }>

/**
 * Has Go build Weaviate's server, once for a checkout, where there is none: beside the tests of a
 * full run, which go first, or alone where Weaviate is all that is asked for. Not beside a run
 * with a limit: at the lowest priority and from nothing it took longer than all tests, and made
 * them a fifth slower.
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
  const isAside = projects.length > 1
  if (isAside && of.isTimed) {
    return { missing: async () => NOT_BUILT, [Symbol.asyncDispose]: async () => {} }
  }
  const stop = new AbortController()
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
    missing: () => built,
    [Symbol.asyncDispose]: async () => {
      stop.abort()
      await built
    },
  }
}
