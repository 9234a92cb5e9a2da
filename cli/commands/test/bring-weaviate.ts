import { findWeaviateBinary, weaviateFolder } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { buildWeaviate } from '@chimera/infra/stack/weaviate/weaviate-build'

/** The project with the tests of Weaviate. */
export const WEAVIATE_PROJECT = 'weaviate'

/**
 * Twice what it takes on two cores. With the 15 minutes of the tests, and the packages that are
 * fetched first, a run stays well below the 30 minutes that CI gives it.
 */
const BUILD_WITHIN_MS = 6 * 60_000

/**
 * Set-up, once per checkout: has Go build Weaviate's server where there is none. Answers why it is
 * missing where it cannot be had, for the list of what was skipped. It takes what it takes where
 * nothing has a limit, or where Weaviate is all that is asked for.
 */
export async function bringWeaviate(of: {
  projects: readonly string[]
  /** Whether there is a limit to the time of the run. */
  isTimed: boolean
  env: Record<string, string | undefined>
  log: (sentence: string) => void
  signal: AbortSignal
  /** For tests: where the program goes, and the limit. */
  folder?: string
  withinMs?: number
}): Promise<string | undefined> {
  const { projects, isTimed, env, log, signal, folder = weaviateFolder() } = of
  if (!projects.includes(WEAVIATE_PROJECT) || (env['WEAVIATE_URL'] ?? '') !== '') return undefined
  if ((await findWeaviateBinary(env['PATH'] ?? '', folder)) !== undefined) return undefined
  const isBounded = isTimed && projects.length > 1
  const limit = isBounded ? { withinMs: of.withinMs ?? BUILD_WITHIN_MS } : {}
  try {
    await buildWeaviate({ env, signal, folder, log: (line) => log(`chimera: ${line}`), ...limit })
    return undefined
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    log(`chimera: ${why} Its tests are skipped.`)
    return why
  }
}
