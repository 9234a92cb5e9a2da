import { setTimeout as sleep } from 'node:timers/promises'

import type { Database } from '@chimera/infra/database/open-database'
import type { Redis } from 'ioredis'
import { z } from 'zod'

import { quantile } from '../report/figures.ts'
import { eventually } from '../stack/bench-stack.ts'
import { postAsTenant } from './post-as-tenant.ts'

/** How long tasks of the small tenant took, from ready to judged, in milliseconds. */
export type Waits = {
  n: number
  p50: number
  p95: number
  max: number
  /** p95 of each part of the way. */
  to_claim: number
  to_result: number
  to_verdict: number
}

/** The small tenant alone, then beside the big one. */
export type FairRound = {
  alone: Waits
  beside: Waits
  /** Tasks of the big tenant that had not ended when the small one began, and when it was done. */
  queued_before: number
  queued_after: number
  /** Tasks of the big one a second, meanwhile. */
  big_tasks_per_s: number
}

type Scene = { database: Database; redis: Redis; big: string; small: string }

/** Of a drill: the most that one goal may have. */
const TASKS_OF_BIG_GOAL = 500
const GAP_MS = 100
const ENDS_WITHIN_MS = 900_000

const Row = z.object({
  ms: z.number(),
  claim: z.number(),
  result: z.number(),
  verdict: z.number(),
})
const Count = z.object({ n: z.number() })

/**
 * Posts `posts` goals of ten tasks each for the small tenant, one after the other is judged, alone;
 * then the same while the big one's tasks are ready. Waits until all of those have ended.
 */
export async function measureFairness(
  scene: Scene & { tasks: number; posts: number },
): Promise<FairRound> {
  const { database, big, tasks } = scene
  const alone = await waitsOfSmall(scene)
  await postAsTenant({
    ...scene,
    tenantId: big,
    goals: Math.ceil(tasks / TASKS_OF_BIG_GOAL),
    tasksEach: Math.min(tasks, TASKS_OF_BIG_GOAL),
  })
  await eventually({
    what: 'the tasks of the big tenant are ready',
    withinMs: ENDS_WITHIN_MS,
    everyMs: 100,
    check: async () =>
      (await count(
        database,
        `SELECT count(*)::int AS n FROM goals
        WHERE tenant_id = $1 AND status = 'RECEIVED'`,
        big,
      )) === 0 || undefined,
  })
  const queuedBefore = await openTasks(database, big)
  const began = performance.now()
  const beside = await waitsOfSmall(scene)
  const queuedAfter = await openTasks(database, big)
  const seconds = (performance.now() - began) / 1000
  await eventually({
    what: 'the tasks of the big tenant have ended',
    withinMs: ENDS_WITHIN_MS,
    everyMs: 500,
    check: async () => (await openTasks(database, big)) === 0 || undefined,
  })
  return {
    alone,
    beside,
    queued_before: queuedBefore,
    queued_after: queuedAfter,
    big_tasks_per_s: (queuedBefore - queuedAfter) / seconds,
  }
}

const TASKS_OF_SMALL = 10

async function waitsOfSmall(of: Scene & { posts: number }): Promise<Waits> {
  const { database, small, posts } = of
  const ids: string[] = []
  for (let post = 0; post < posts; post += 1) {
    const posted = await postAsTenant({
      ...of,
      tenantId: small,
      goals: 1,
      tasksEach: TASKS_OF_SMALL,
    })
    ids.push(...posted)
    await eventually({
      what: 'the goal of the small tenant ends',
      withinMs: ENDS_WITHIN_MS,
      everyMs: 20,
      check: async () =>
        (await count(
          database,
          `SELECT count(*)::int AS n FROM goals
          WHERE tenant_id = $1 AND status <> 'COMPLETED'`,
          small,
        )) === 0 || undefined,
    })
    await sleep(GAP_MS)
  }
  const rows = z.array(Row).parse(
    await database.query({
      text: `SELECT (extract(epoch FROM judged_at - ready_at) * 1000)::float AS ms,
          (extract(epoch FROM claimed_at - ready_at) * 1000)::float AS claim,
          (extract(epoch FROM result_at - claimed_at) * 1000)::float AS result,
          (extract(epoch FROM judged_at - result_at) * 1000)::float AS verdict
        FROM tasks
        WHERE tenant_id = $1 AND goal_id = ANY ($2)`,
      values: [small, ids],
    }),
  )
  const waits = rows.map(({ ms }) => ms)
  return {
    n: waits.length,
    p50: quantile(waits, 0.5),
    p95: quantile(waits, 0.95),
    max: quantile(waits, 1),
    to_claim: p95(rows.map(({ claim }) => claim)),
    to_result: p95(rows.map(({ result }) => result)),
    to_verdict: p95(rows.map(({ verdict }) => verdict)),
  }
}

const p95 = (values: readonly number[]): number => quantile(values, 0.95)

/** From the counters of goals: a look at tasks would cost more than the bench may. */
const openTasks = (database: Database, tenantId: string): Promise<number> =>
  count(
    database,
    `SELECT coalesce(sum(tasks_open), 0)::int AS n FROM goals
      WHERE tenant_id = $1 AND status = 'ACTIVE'`,
    tenantId,
  )

async function count(database: Database, text: string, tenantId: string): Promise<number> {
  const [row] = await database.query({ text, values: [tenantId] })
  return Count.parse(row).n
}
