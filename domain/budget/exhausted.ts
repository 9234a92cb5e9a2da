/** A counter that was too full for a task. */
export type FullCounter = {
  readonly scope: string
  readonly scopeId: string
  readonly mode: 'paper' | 'live'
  readonly asset: string
  readonly per: 'day' | 'ever'
  readonly cap: bigint
  readonly used: bigint
  readonly asked: bigint
}

/** What becomes of a task that a budget does not cover. */
export type Exhausted =
  | { readonly outcome: 'deny'; readonly reason: string }
  | {
      readonly outcome: 'wait'
      readonly reason: string
      readonly until: string
      readonly delayMs: number
      readonly unblock: string
    }

const DAY_MS = 86_400_000

/** The next 00:00 UTC, where the counters of a day begin anew. */
export function nextMidnight(nowMs: number): number {
  return (Math.floor(nowMs / DAY_MS) + 1) * DAY_MS
}

/**
 * A task waits for tomorrow where its day is used up. It is denied where tomorrow would be no
 * different: a cap that does not renew, or one that is smaller than the task alone.
 */
export function exhausted(counter: FullCounter, nowMs: number): Exhausted {
  const { scope, scopeId, asset, per, cap, used, asked, mode } = counter
  const span = per === 'day' ? ' a day' : ''
  const name = scope === 'tenant' ? 'the tenant' : `${scope} ${scopeId}`
  const figures = `${show(used, asset)} of ${show(cap, asset)}${span} is used`
  const reason = `budget of ${name}: ${figures}, ${show(asked, asset)} more is needed`
  if (per === 'ever' || asked > cap) return { outcome: 'deny', reason }
  const until = nextMidnight(nowMs)
  const where = scope === 'tenant' ? 'tenant' : `${scope}:${scopeId}`
  return {
    outcome: 'wait',
    reason,
    until: new Date(until).toISOString(),
    delayMs: until - nowMs,
    unblock: `chimera budget set ${where} <cap> --asset ${asset} --per day --mode ${mode}`,
  }
}

/** Dollars are kept in micros; everything else is told in base units. */
function show(amount: bigint, asset: string): string {
  if (asset !== 'USD' && asset !== 'MODELUSD') return `${amount} ${asset}`
  const whole = amount / 1_000_000n
  const micros = String(amount % 1_000_000n).padStart(6, '0')
  return `${whole}.${micros.replace(/0{1,4}$/, '')} ${asset}`
}
