import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findStack } from '@chimera/infra/stack/control-client'
import { Redis } from 'ioredis'

import { eventually, openStackRig, type StackRig } from '../../e2e/stack-rig.ts'
import type { Random } from '../../guarantee.ts'
import { checkHistory, type Checked } from '../checker/check-history.ts'
import { type GoalSeen, parseProviderRecord, type ProviderLine } from '../checker/history.ts'
import { type Fired, openNemesis } from './nemesis.ts'
import { planStorm, type StormSize } from './storm-plan.ts'
import { areEnded, type Door, lookAtAll, planGoals, postAll } from './workload.ts'

export const LEASE_MS = 2_000

/** X is documented here to show a post within 3 s of the deadline of its send. */
const ABSENCE_MS = 3_000
const STORM_ENV = {
  LEASE_MS: String(LEASE_MS),
  TWEET_COOLDOWN_MS: '1',
  TWEET_ABSENCE_MS: String(ABSENCE_MS),
  TWEET_SEND_TIMEOUT_MS: '1000',
  LOG_LEVEL: 'warn',
}
/** X's own limit of 10,000 posts in 15 minutes would be all that a large storm meets. */
const X_SETTINGS = { duplicate_check: false, post_limit: 1_000_000 }
const OPENS_WITHIN_MS = 30_000

export type Storm = Readonly<{
  checked: Checked
  fired: Fired
  /** Effects whose outcome nobody knew when the faults were over. */
  unknownAtEnd: number
  /** From the end of the faults until the last goal had ended. */
  settledInMs: number | undefined
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
  const { random, n } = of
  const overMs = of.size.overMs
  const goals = planGoals(random, { n, prefix: 'storm' })
  // X keeps its own bound: whoever breaks it makes any client post twice.
  const plan = planStorm(random, { ...of.size, leaseMs: LEASE_MS, xBoundMs: ABSENCE_MS / 2 })
  await using rig = await openStackRig({ env: STORM_ENV, servers: 'own' })
  await opened(rig)
  const stack = await findStack(rig.stateDir)
  if (stack === undefined) throw new Error('the stack does not answer')
  const { urls, simulated } = await stack.report()
  await using redis = connect(urls.redis)
  await using nemesis = openNemesis({
    stack,
    xUrl: simulated[0]?.url ?? '',
    settings: X_SETTINGS,
  })
  const api: Door = (path, init) => rig.api(path, init)
  const [intents] = await Promise.all([
    postAll({ goals, overMs, api, redis: redis.client }),
    nemesis.rage(plan),
  ])
  const calmAt = Date.now()
  const unknownAtEnd = await eventually(
    async () => ((await rig.status()).effects.UNKNOWN ?? 0) + 1,
    10_000,
    'the status is back',
  )
  const seen = new Map<string, GoalSeen>()
  const ids = intents.filter(({ isAccepted }) => isAccepted).map(({ goalId }) => goalId)
  while (!areEnded(ids, seen) && Date.now() - calmAt < of.settleWithinMs) {
    await lookAtAll(ids, seen, api)
    await sleep(200)
  }
  const settledInMs = areEnded(ids, seen) ? Date.now() - calmAt : undefined
  const provider = readRecord(rig)
  return {
    checked: checkHistory({ intents, provider, goals: seen }),
    fired: { ...nemesis.fired, ...answersLost(provider) },
    unknownAtEnd: unknownAtEnd - 1,
    settledInMs,
    seconds: Math.round((Date.now() - started) / 1_000),
  }
}

export const opened = (rig: StackRig): Promise<true> =>
  eventually(
    async () => ((await rig.status()).tools[0]?.state === 'open' ? (true as const) : undefined),
    OPENS_WITHIN_MS,
    'the tool server opens',
  )

export const readRecord = ({ stateDir }: StackRig): ProviderLine[] =>
  parseProviderRecord(readFileSync(join(stateDir, 'simulated', 'x.jsonl'), 'utf8'))

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

function connect(path: string): AsyncDisposable & { client: Redis } {
  const client = new Redis(path, { retryStrategy: () => 50 })
  // A Redis that is dead at times is the point of it.
  client.on('error', () => undefined)
  return { client, [Symbol.asyncDispose]: async () => client.disconnect() }
}
