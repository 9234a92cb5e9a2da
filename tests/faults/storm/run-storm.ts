import { eventually } from '../../e2e/stack-rig.ts'
import type { Random } from '../../guarantee.ts'
import type { ProviderLine } from '../checker/history.ts'
import type { Fired } from './nemesis.ts'
import { ABSENCE_MS, LEASE_MS } from './short-times.ts'
import { planStorm, type StormSize } from './storm-plan.ts'
import { openStormRig, type Settled, type StormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

export type Storm = Settled &
  Readonly<{
    fired: Fired
    /** Effects whose outcome nobody knew when the faults were over. */
    unknownAtEnd: number
    seconds: number
    /** Posts that the X of each account has taken. */
    accountsUsed: Readonly<Record<string, number>>
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
  /** Names of accounts beside the stack's own; a third of the agents each, when there are two. */
  accounts?: readonly string[]
}): Promise<Storm> {
  const started = Date.now()
  const { accounts = [] } = of
  await using storm = await openStormRig({ accounts })
  const agents = accounts.length === 0 ? [] : ['default', ...storm.more.map(({ agent }) => agent)]
  const goals = planGoals(of.random, { n: of.n, prefix: 'storm', agents })
  const plan = planStorm(of.random, {
    ...of.size,
    leaseMs: LEASE_MS,
    // X keeps its own bound: whoever breaks it makes any client post twice.
    xBoundMs: ABSENCE_MS / 2,
    moreTools: storm.more.map(({ tool }) => tool),
    moreXs: storm.more.map(({ x }) => x),
  })
  await Promise.all([storm.post(goals, of.size.overMs), storm.nemesis.rage(plan)])
  const { unknown } = await eventually(
    async () => ({ unknown: (await storm.rig.status()).effects.UNKNOWN ?? 0 }),
    10_000,
    'the status is back',
  )
  const settled = await storm.settle(of.settleWithinMs)
  return {
    ...settled,
    accountsUsed: countUsed(storm),
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

function countUsed(storm: StormRig): Record<string, number> {
  const taken = (lines: readonly ProviderLine[]): number =>
    lines.filter(({ method, outcome }) => method === 'POST' && outcome !== 'refused').length
  const more = storm.more.map(({ account, provider }) => [account, taken(provider())] as const)
  const own = taken(storm.provider()) - more.reduce((sum, [, n]) => sum + n, 0)
  return { own, ...Object.fromEntries(more) }
}
