import { setTimeout as sleep } from 'node:timers/promises'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import type { RedisConnection } from '@chimera/infra/streams/open-redis'
import { z } from 'zod'

import { eventually } from '../stack/bench-stack.ts'
import type { Line } from '../swarm/measure-burst.ts'

/** What became of the tasks of one window. */
export type Load = Readonly<{
  posted: number
  /** Whose goal ended within the window. */
  done_in_window: number
  tasks_per_s: number
  /** Goals without an end, long after the window. */
  lost: number
  /** Goals that ended FAILED. */
  failed: number
  /** From the window's end until the last goal had ended. */
  drained_s: number
}>

/** Enough for every role to find a full batch, and little to drain. */
const BACKLOG = 3_000
const CHUNK = 500
const LOOK_EVERY_MS = 50
const DRAINED_WITHIN_MS = 120_000

/** Keeps that much work in the swarm for so many seconds, then waits until all of it has ended. */
export async function steadyLoad(of: {
  line: Line
  database: Database
  redis: RedisConnection
  name: string
  seconds: number
}): Promise<Load> {
  const { line, database, redis, name, seconds } = of
  const began = new Date()
  const until = began.getTime() + seconds * 1000
  let posted = 0
  while (Date.now() < until) {
    if ((await waiting(database, redis)) < BACKLOG) {
      await line.post(`${name}.${posted / CHUNK}`, CHUNK)
      posted += CHUNK
    } else await sleep(LOOK_EVERY_MS)
  }
  const ended = () => count(database, { name, began, until: new Date(until) })
  const found = await eventually({
    what: 'everything has ended',
    withinMs: DRAINED_WITHIN_MS,
    everyMs: 500,
    check: async () => {
      const now = await ended()
      return now.ended >= posted ? now : undefined
    },
  }).catch(ended)
  return {
    posted,
    done_in_window: found.in_window,
    tasks_per_s: found.in_window / seconds,
    lost: posted - found.ended,
    failed: found.failed,
    drained_s: Math.max(0, (found.last ?? until) - until) / 1000,
  }
}

const Waiting = z.object({ waiting: z.coerce.number() })

/** Goals that nobody has read yet, and all that is on its way. */
async function waiting(database: Database, redis: RedisConnection): Promise<number> {
  const [goals] = await inspectStreams({ redis, streams: ['chimera:goals'] })
  const [row] = await database.query({
    name: 'waiting',
    text: `SELECT (SELECT count(*) FROM goals WHERE status = 'RECEIVED')
      + (SELECT count(*) FROM tasks WHERE phase = 'ready')
      + (SELECT count(*) FROM tasks WHERE status = 'IN_PROGRESS')
      + (SELECT count(*) FROM tasks WHERE phase = 'judging') AS waiting`,
  })
  return Waiting.parse(row).waiting + (goals?.lag ?? 0)
}

const Ended = z.object({
  ended: z.coerce.number(),
  in_window: z.coerce.number(),
  failed: z.coerce.number(),
  last: z.coerce.number().nullable(),
})

async function count(
  database: Database,
  of: { name: string; began: Date; until: Date },
): Promise<z.infer<typeof Ended>> {
  const [row] = await database.query({
    text: `SELECT count(*) FILTER (WHERE finished_at IS NOT NULL) AS ended,
        count(*) FILTER (WHERE finished_at <= $4 AND status = 'COMPLETED') AS in_window,
        count(*) FILTER (WHERE status = 'FAILED') AS failed,
        (extract(epoch FROM max(finished_at)) * 1000)::float8 AS last
      FROM goals WHERE tenant_id = $1 AND received_at >= $2::timestamptz AND id LIKE $3`,
    values: [DEFAULT_TENANT, of.began, `${of.name}.%`, of.until],
  })
  return Ended.parse(row)
}
