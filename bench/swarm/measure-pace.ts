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
}

const ENDS_WITHIN_MS = 60_000
const Waits = z.object({ judged: z.number().nullable(), claimed: z.number().nullable() })

/** Posts goals of one task each at a rate and reads from the record how long each step took. */
export async function measurePace(of: {
  stack: BenchStack
  database: Database
  perSecond: number
  seconds: number
  name: string
}): Promise<Pace> {
  const { stack, database, perSecond, seconds, name } = of
  const goals = await postNoopsAt({ redis: stack.redis(), name, perSecond, seconds })
  const rows = await eventually({
    what: `${goals} goals are done`,
    withinMs: ENDS_WITHIN_MS,
    everyMs: 250,
    check: async () => {
      const found = await waits(database, name)
      return found.length === goals && found.every((row) => row.judged !== null) ? found : undefined
    },
  })
  return {
    per_s: perSecond,
    goals,
    ready_to_judged: summarize(rows.map(({ judged }) => judged ?? Number.NaN)),
    received_to_claimed: summarize(rows.map(({ claimed }) => claimed ?? Number.NaN)),
  }
}

async function waits(database: Database, name: string): Promise<z.infer<typeof Waits>[]> {
  const rows = await database.query({
    text: `SELECT (extract(epoch FROM task.judged_at - task.ready_at) * 1000)::float AS judged,
        (extract(epoch FROM task.claimed_at - goal.received_at) * 1000)::float AS claimed
      FROM tasks task JOIN goals goal ON goal.tenant_id = task.tenant_id AND goal.id = task.goal_id
      WHERE task.goal_id LIKE $1`,
    values: [`${name}-%`],
  })
  return z.array(Waits).parse(rows)
}
