import type { Database } from '@chimera/infra/database/open-database'
import { z } from 'zod'

import { type Summary, summarize } from '../report/figures.ts'
import { eventually, type BenchStack } from '../stack/bench-stack.ts'
import { postNoopsAt } from './post-noops.ts'

/** Waiting times at a fixed rate, in milliseconds, as Postgres kept them. */
export type Pace = {
  per_s: number
  goals: number
  ready_to_judged: Summary
  received_to_claimed: Summary
  /** From the XADD on, which is before anything of the swarm knows of it. */
  posted_to_claimed: Summary
}

const ENDS_WITHIN_MS = 60_000
const Waits = z.object({
  n: z.number(),
  judged: z.number().nullable(),
  claimed: z.number().nullable(),
  claimed_at: z.number().nullable(),
})

/** Posts goals of one task each at a rate and reads from the record how long each step took. */
export async function measurePace(of: {
  stack: BenchStack
  database: Database
  perSecond: number
  seconds: number
  name: string
}): Promise<Pace> {
  const { stack, database, perSecond, seconds, name } = of
  const posted = await postNoopsAt({ redis: stack.redis(), name, perSecond, seconds })
  const rows = await eventually({
    what: `${posted.length} goals are done`,
    withinMs: ENDS_WITHIN_MS,
    everyMs: 250,
    check: async () => {
      const found = await waits(database, name)
      const isDone = found.length === posted.length && found.every(({ judged }) => judged !== null)
      return isDone ? found : undefined
    },
  })
  return {
    per_s: perSecond,
    goals: posted.length,
    ready_to_judged: summarize(rows.map(({ judged }) => judged ?? Number.NaN)),
    received_to_claimed: summarize(rows.map(({ claimed }) => claimed ?? Number.NaN)),
    posted_to_claimed: summarize(
      rows.map(({ n, claimed_at }) => (claimed_at ?? Number.NaN) - (posted[n] ?? Number.NaN)),
    ),
  }
}

async function waits(database: Database, name: string): Promise<z.infer<typeof Waits>[]> {
  const rows = await database.query({
    text: `SELECT split_part(task.goal_id, '-', 2)::int AS n,
        (extract(epoch FROM task.claimed_at) * 1000)::float AS claimed_at,
        (extract(epoch FROM task.judged_at - task.ready_at) * 1000)::float AS judged,
        (extract(epoch FROM task.claimed_at - goal.received_at) * 1000)::float AS claimed
      FROM tasks task JOIN goals goal ON goal.tenant_id = task.tenant_id AND goal.id = task.goal_id
      WHERE task.goal_id LIKE $1`,
    values: [`${name}-%`],
  })
  return z.array(Waits).parse(rows)
}
