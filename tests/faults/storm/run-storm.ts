import { eventually } from '../../e2e/stack-rig.ts'
import type { Random } from '../../guarantee.ts'
import type { ProviderLine } from '../checker/history.ts'
import type { Fired } from './nemesis.ts'
import { planStorm, type StormSize } from './storm-plan.ts'
import { ABSENCE_MS, LEASE_MS, openStormRig, type Settled } from './storm-rig.ts'
import { planGoals } from './workload.ts'

export type Storm = Settled &
  Readonly<{
    fired: Fired
    /** Effects whose outcome nobody knew when the faults were over. */
    unknownAtEnd: number
    seconds: number
  }>

/**
 * A whole stack under kills, stops and a misbehaving X, while goals come in; then all of that ends,
 * and everything has to settle by itself.
 */
export async function runStorm(of: {
  random: Random
  n: number
  size: Pick<StormSize, 'kills' | 'stops' | 'xFaults' | 'overMs'>
  settleWithinMs: number
}): Promise<Storm> {
  const started = Date.now()
  const goals = planGoals(of.random, { n: of.n, prefix: 'storm' })
  // X keeps its own bound: whoever breaks it makes any client post twice.
  const size = { ...of.size, leaseMs: LEASE_MS, xBoundMs: ABSENCE_MS / 2 }
  const plan = planStorm(of.random, size)
  await using storm = await openStormRig()
  await Promise.all([storm.post(goals, size.overMs), storm.nemesis.rage(plan)])
  const { unknown } = await eventually(
    async () => ({ unknown: (await storm.rig.status()).effects.UNKNOWN ?? 0 }),
    10_000,
    'the status is back',
  )
  const settled = await storm.settle(of.settleWithinMs)
  return {
    ...settled,
    fired: { ...storm.nemesis.fired, ...answersLost(storm.provider()) },
    unknownAtEnd: unknown,
    seconds: Math.round((Date.now() - started) / 1_000),
  }
}

/** What X really did with posts, whatever it was told. */
function answersLost(lines: readonly ProviderLine[]): Fired {
  const posts = lines.filter(({ method }) => method === 'POST')
  const count = (isIt: (line: ProviderLine) => boolean): number => posts.filter(isIt).length
  return {
    'post cut': count(({ outcome }) => outcome === 'cut'),
    'post hung': count(({ outcome }) => outcome === 'hung'),
    'post taken, 503': count(({ outcome, status }) => outcome === 'accepted' && status === 503),
    'post not taken': count(({ outcome }) => outcome === 'refused'),
  }
}
