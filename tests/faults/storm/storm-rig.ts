import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findStack, type StackClient } from '@chimera/infra/stack/control-client'
import { Redis } from 'ioredis'

import { eventually, openStackRig, type StackRig } from '../../e2e/stack-rig.ts'
import type { Checked } from '../checker/check-history.ts'
import {
  type GoalSeen,
  type Intent,
  parseProviderRecord,
  type ProviderLine,
} from '../checker/history.ts'
import { checkAccounts } from './check-accounts.ts'
import { type MoreAccount, openMoreAccounts } from './more-accounts.ts'
import { type Nemesis, openNemesis } from './nemesis.ts'
import { findPids } from './process-table.ts'
import { ABSENCE_MS, LEASE_MS } from './short-times.ts'
import { areEnded, type Door, lookAtAll, type PlannedGoal, postAll } from './workload.ts'

const ENV = {
  LEASE_MS: String(LEASE_MS),
  TWEET_COOLDOWN_MS: '1',
  TWEET_ABSENCE_MS: String(ABSENCE_MS),
  TWEET_SEND_TIMEOUT_MS: '1000',
  LOG_LEVEL: 'warn',
}
/** X's own limit of 10,000 posts in 15 minutes would be all that a large storm meets. */
const X_SETTINGS = { duplicate_check: false, post_limit: 1_000_000 }
const OPENS_WITHIN_MS = 30_000
const LOOK_EVERY_MS = 200

/** What all goals of a rig came to. */
export type Settled = Readonly<{
  checked: Checked
  /** Until the last accepted goal had ended; nothing when one has not. */
  settledInMs: number | undefined
}>

/** A whole stack with servers of its own, somebody who harms it, and somebody who checks it. */
export type StormRig = AsyncDisposable &
  Readonly<{
    rig: StackRig
    stack: StackClient
    /** A client that outlives its server. */
    redis: Redis
    nemesis: Nemesis
    /** Posts goals over so long, and does not give up while servers are away. */
    post: (goals: readonly PlannedGoal[], overMs: number) => Promise<void>
    /** Waits until all that was ever posted here has ended, and checks all of it. */
    settle: (withinMs: number) => Promise<Settled>
    /** What every X has written, one after the other. */
    provider: () => ProviderLine[]
    /** Accounts beside the stack's own. */
    more: readonly MoreAccount[]
  }>

/** The X that `chimera up` starts, as the nemesis calls it. */
const OWN_X = 'simulated-x'

/**
 * Opens the rig; its tool servers are open and X takes the same words twice.
 *
 * @param of.accounts - names of further accounts, each with an agent, a tool server and an X
 */
export async function openStormRig(
  of: {
    accounts?: readonly string[]
    prepare?: (stateDir: string) => Disposable
    env?: Readonly<Record<string, string>>
  } = {},
): Promise<StormRig> {
  const { accounts = [], env, ...prepared } = of
  await using opening = new AsyncDisposableStack()
  const rig = opening.use(
    await openStackRig({ env: { ...ENV, ...env }, servers: 'own', ...prepared }),
  )
  await eventually(
    async () => ((await rig.status()).tools[0]?.state === 'open' ? true : undefined),
    OPENS_WITHIN_MS,
    'the tool server opens',
  )
  const stack = await findStack(rig.stateDir)
  if (stack === undefined) throw new Error('the stack does not answer')
  const report = await stack.report()
  const { urls, simulated } = report
  const more = opening.use(await openMoreAccounts(accounts, { report, env: ENV }))
  const redis = new Redis(urls.redis, { retryStrategy: () => 50 })
  // A Redis that is dead at times is the point of it.
  redis.on('error', () => undefined)
  opening.defer(() => redis.disconnect())
  const nemesis = opening.use(
    openNemesis({
      findPids: async (target) => {
        const found = await more.findPid(target)
        if (found !== undefined) return found.pid === undefined ? [] : [found.pid]
        return findPids(stack, target)
      },
      xUrls: new Map([
        [OWN_X, simulated[0]?.url ?? ''],
        ...more.accounts.map(({ x, xUrl }) => [x, xUrl] as const),
      ]),
      settings: X_SETTINGS,
    }),
  )
  await nemesis.rage([])
  const api: Door = (path, init) => rig.api(path, init)
  const readOwn = (): ProviderLine[] =>
    parseProviderRecord(readFileSync(join(rig.stateDir, 'simulated', 'x.jsonl'), 'utf8'))
  const books = openBooks({ api, readOwn, more: more.accounts })
  const open = opening.move()
  return {
    rig,
    stack,
    redis,
    nemesis,
    post: async (goals, overMs) => {
      books.enter(goals, await postAll({ goals, overMs, api, redis }))
    },
    settle: books.settle,
    provider: () => [...readOwn(), ...more.accounts.flatMap(({ provider }) => provider())],
    more: more.accounts,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

/** What was posted by whom, and what has been seen of it. */
function openBooks(of: {
  api: Door
  readOwn: () => ProviderLine[]
  more: readonly MoreAccount[]
}): {
  enter: (goals: readonly PlannedGoal[], posted: readonly Intent[]) => void
  settle: StormRig['settle']
} {
  const intents: Intent[] = []
  const agents = new Map<string, string | undefined>()
  const seen = new Map<string, GoalSeen>()
  return {
    enter: (goals, posted) => {
      for (const { id, agent } of goals) agents.set(id, agent)
      intents.push(...posted)
    },
    settle: async (withinMs) => {
      const started = Date.now()
      const ids = intents.filter(({ isAccepted }) => isAccepted).map(({ goalId }) => goalId)
      while (!areEnded(ids, seen) && Date.now() - started < withinMs) {
        await lookAtAll(ids, seen, of.api)
        await sleep(LOOK_EVERY_MS)
      }
      const settledInMs = areEnded(ids, seen) ? Date.now() - started : undefined
      const providers = [
        { agent: undefined, lines: of.readOwn() },
        ...of.more.map(({ agent, provider }) => ({ agent, lines: provider() })),
      ]
      return { checked: checkAccounts({ intents, agents, providers, goals: seen }), settledInMs }
    },
  }
}
