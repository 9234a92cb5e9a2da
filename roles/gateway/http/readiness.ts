/**
 * What the gateway needs: without the record it can accept nothing, without Redis it only rings
 * late.
 */
export type Readiness = Readonly<{
  look: () => Promise<{
    state: 'ready' | 'degraded' | 'unready' | 'draining'
    checks: Readonly<Record<'postgres' | 'redis', string>>
  }>
  drain: () => void
}>

/**
 * Whoever probes more often gets the answer of a moment ago: probes are public and must stay cheap.
 */
const KNOWN_FOR_MS = 1_000
const ANSWER_WITHIN_MS = 900
const MAX_REASON = 200

export function openReadiness(of: {
  postgres: () => Promise<unknown>
  redis: () => void
  now?: () => number
}): Readiness {
  const { now = () => performance.now() } = of
  let isDraining = false
  let asked: { at: number; answer: Promise<string> } | undefined
  const askPostgres = (): Promise<string> => {
    if (asked === undefined || now() - asked.at > KNOWN_FOR_MS) {
      asked = { at: now(), answer: within(of.postgres) }
    }
    return asked.answer
  }
  return {
    look: async () => {
      const redis = await within(async () => of.redis())
      const postgres = await askPostgres()
      const isAble = postgres === 'ok'
      const state = isAble ? (redis === 'ok' ? 'ready' : 'degraded') : 'unready'
      return { state: isDraining ? 'draining' : state, checks: { postgres, redis } }
    },
    drain: () => void (isDraining = true),
  }
}

async function within(check: () => Promise<unknown>): Promise<string> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error('no answer')), ANSWER_WITHIN_MS)
  try {
    await Promise.race([check(), late])
    return 'ok'
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).slice(0, MAX_REASON)
  } finally {
    clearTimeout(timer)
  }
}
