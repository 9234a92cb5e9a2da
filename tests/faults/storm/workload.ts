import { setTimeout as sleep } from 'node:timers/promises'

import type { Redis } from 'ioredis'

import type { Random } from '../../guarantee.ts'
import { type GoalSeen, GoalSeen as GoalSchema, type Intent } from '../checker/history.ts'

/** A goal to post: `at` is its share of the storm, 0..1. */
export type PlannedGoal = Readonly<{
  id: string
  text: string
  words?: string
  /** Who is to do it; without one, the agent of a stack that has only one. */
  agent?: string
  door: 'http' | 'stream'
  at: number
}>

/** The API, as a client sees it that may have to ask again. */
export type Door = (path: string, init?: { method?: string; body?: unknown }) => Promise<Response>

const TWEETS = 0.6
/** What Redis alone has taken is as safe as Redis: a test that damages it says 0. */
const BY_STREAM = 0.2

/** `n` goals: most want one tweet of words that no other goal has, the others want nothing of X. */
export function planGoals(
  random: Random,
  of: { n: number; prefix: string; byStream?: number; agents?: readonly string[] },
): PlannedGoal[] {
  const { n, prefix, byStream = BY_STREAM, agents = [] } = of
  return Array.from({ length: n }, (_, index): PlannedGoal => {
    const id = `${prefix}-${String(index).padStart(6, '0')}`
    const door = random.fraction() < byStream ? 'stream' : 'http'
    const at = random.fraction()
    const how = {
      door,
      at,
      ...(agents.length === 0 ? {} : { agent: random.pick(agents) }),
    } as const
    if (random.fraction() >= TWEETS) return { id, text: `generic: think of ${id}`, ...how }
    const words = `the words of ${id}`
    return { id, text: `publish a tweet: ${words}`, words, ...how }
  }).toSorted((left, right) => left.at - right.at)
}

const AT_ONCE = 10
const TRY_AGAIN_MS = 100
/** No server is away for longer; what is not taken by then never will be. */
const PATIENCE_MS = 60_000

/**
 * Posts each goal in its time, again and again until somebody says that it is taken: the id makes
 * the second post the same goal.
 */
export async function postAll(of: {
  goals: readonly PlannedGoal[]
  overMs: number
  api: Door
  redis: Redis
}): Promise<Intent[]> {
  const started = Date.now()
  const intents: Intent[] = []
  const queue = of.goals.values()
  const client = async (): Promise<void> => {
    for (const goal of queue) {
      await sleep(Math.max(0, started + goal.at * of.overMs - Date.now()))
      const isAccepted = await post(goal, of)
      const { id: goalId, words } = goal
      intents.push({ goalId, isAccepted, ...(words === undefined ? {} : { words }) })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, client))
  return intents
}

async function post(goal: PlannedGoal, of: { api: Door; redis: Redis }): Promise<boolean> {
  const { id, text, agent } = goal
  const body = { id, text, ...(agent === undefined ? {} : { agent_id: agent }) }
  const until = Date.now() + PATIENCE_MS
  while (Date.now() < until) {
    try {
      if (goal.door === 'stream') {
        await of.redis.call('XADD', 'chimera:goals', '*', 'goal', JSON.stringify(body))
        return true
      }
      const answer = await of.api('/v1/goals', { method: 'POST', body })
      const said = await answer.text()
      if (answer.ok) return true
      if (answer.status !== 429 && answer.status < 500)
        throw new Refused(`${answer.status} ${said}`)
    } catch (cause) {
      if (cause instanceof Refused) throw cause
    }
    await sleep(TRY_AGAIN_MS)
  }
  return false
}

/** An answer that asking again does not change. */
class Refused extends Error {}

const ENDED: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED'])

/** Looks once at each goal that `seen` has no end of. */
export async function lookAtAll(
  ids: readonly string[],
  seen: Map<string, GoalSeen>,
  api: Door,
): Promise<void> {
  const queue = ids.filter((id) => !ENDED.has(seen.get(id)?.status ?? '')).values()
  const look = async (): Promise<void> => {
    for (const id of queue) {
      const goal = await findGoal(id, api).catch(() => undefined)
      if (goal !== undefined) seen.set(id, goal)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, look))
}

async function findGoal(id: string, api: Door): Promise<GoalSeen | undefined> {
  for (;;) {
    const answer = await api(`/v1/goals/${encodeURIComponent(id)}`)
    const text = await answer.text()
    if (answer.ok) return GoalSchema.parse(JSON.parse(text))
    if (answer.status !== 429) return undefined
    await sleep(TRY_AGAIN_MS)
  }
}

/** Whether every goal of the list has come to an end. */
export const areEnded = (ids: readonly string[], seen: ReadonlyMap<string, GoalSeen>): boolean =>
  ids.every((id) => ENDED.has(seen.get(id)?.status ?? ''))
