import { setTimeout as sleep } from 'node:timers/promises'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { z } from 'zod'

import { cpuSeconds } from '../processes/stack-processes.ts'
import { type BenchStack, eventually } from '../stack/bench-stack.ts'
import { postNoops } from './post-noops.ts'

/** As many tasks as fit, all at once, and what each of them cost. */
export type Burst = {
  tasks: number
  seconds: number
  tasks_per_s: number
  /** Rows inserted, updated and deleted in Postgres, per task. */
  row_versions: number
  /** The same by table, most first. */
  rows_by_table: Record<string, number>
  /** Bytes of write-ahead log per task. */
  wal_bytes: number
  /** Transactions per task. */
  commits: number
  /** Microseconds of CPU per task, by process. */
  cpu_us: Record<string, number>
}

const ENDS_WITHIN_MS = 600_000
/** When the last one ended stands in its row; each look reads all of them. */
const LOOK_EVERY_MS = 1_000

const Counters = z.object({
  wal: z.coerce.number(),
  commits: z.coerce.number(),
})
const Progress = z.object({ done: z.coerce.number(), at: z.coerce.number().nullable() })

/** Planner, Worker and Judge behind a stream: the product's, or others that do the same. */
export type Line = Readonly<{
  /** Posts so many goals of one no-op task each, `<name>-<n>`. */
  post: (name: string, goals: number) => Promise<void>
  /** What has to be there before, and is not measured. */
  prepare?: (name: string, goals: number) => Promise<void>
  /** The table whose rows end COMPLETED. */
  goals: 'goals' | 'bare.goals' | 'leanest.goals'
  /** Whose goals they are, where they are not all the default tenant's. */
  tenants?: readonly string[]
  /** Seconds of CPU so far, by process. */
  cpu: () => Promise<Record<string, number>>
}>

export async function productLine(stack: BenchStack): Promise<Line> {
  const report = await stack.report()
  const cpu = (): Promise<Record<string, number>> => cpuSeconds(report)
  const post = (name: string, goals: number): Promise<void> =>
    postNoops({ redis: stack.redis(), name, goals })
  return { post, goals: 'goals', cpu }
}

/** Posts goals of one task each and waits until every one of them is judged. */
export async function measureBurst(of: {
  line: Line
  database: Database
  tasks: number
  name: string
  /** Rows and commits are known only after a wait; who does not read them need not wait. */
  statisticsMs?: number
}): Promise<Burst> {
  const { line, database, tasks, name, statisticsMs = STATISTICS_MS } = of
  const { post, cpu } = line
  const since = Date.now()
  await line.prepare?.(name, tasks)
  const before = { cpu: await cpu(), ...(await count(database, statisticsMs)) }
  // By the table's name, with its schema where that is not the product's.
  const rowsBefore = await countByTable(database)
  const began = Date.now()
  await post(name, tasks)
  const endedAt = await eventually({
    what: `${tasks} tasks are done`,
    withinMs: ENDS_WITHIN_MS,
    everyMs: LOOK_EVERY_MS,
    check: async () => {
      const { done, at } = await progress(database, { line, name, since })
      return done >= tasks && at !== null ? at : undefined
    },
  })
  const after = { cpu: await cpu(), ...(await count(database, statisticsMs)) }
  const rowsByTable = grown(rowsBefore, await countByTable(database), 1 / tasks)
  const seconds = (endedAt - began) / 1000
  return {
    tasks,
    seconds,
    tasks_per_s: tasks / seconds,
    // Of its own tables: what autovacuum notes about them meanwhile is no task's.
    row_versions: Object.values(rowsByTable).reduce((all, rows) => all + rows, 0),
    wal_bytes: (after.wal - before.wal) / tasks,
    rows_by_table: rowsByTable,
    commits: (after.commits - before.commits) / tasks,
    cpu_us: grown(before.cpu, after.cpu, 1e6 / tasks),
  }
}

/** What grew, in the unit that the factor makes of it, largest first. */
function grown(
  before: Readonly<Record<string, number>>,
  after: Readonly<Record<string, number>>,
  factor: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, n]) => [name, (n - (before[name] ?? 0)) * factor] as const)
      .filter(([, n]) => n > 0)
      .toSorted(([, one], [, other]) => other - one),
  )
}

/** Clocks of one machine agree; a transaction's time is that of its beginning. */
const SLACK_MS = 1_000

/**
 * How many goals of that name have ended, and when the last did (milliseconds of the clock). By the
 * index of the newest goals: what was there before is not read, however much it is.
 */
async function progress(
  database: Database,
  { line, name, since }: { line: Line; name: string; since: number },
): Promise<z.infer<typeof Progress>> {
  const [row] = await database.query({
    text: `SELECT count(*) AS done, extract(epoch FROM max(finished_at)) * 1000 AS at
      FROM ${line.goals} WHERE tenant_id = ANY ($2::uuid[]) AND received_at >= $3::timestamptz
        AND id LIKE $1 AND status = 'COMPLETED'`,
    values: [`${name}-%`, line.tenants ?? [DEFAULT_TENANT], new Date(since - SLACK_MS)],
  })
  return Progress.parse(row)
}

/** A backend that is idle tells the server what it has written only after 10 s. */
export const STATISTICS_MS = 10_500

async function count(database: Database, waitMs: number): Promise<z.infer<typeof Counters>> {
  await sleep(waitMs)
  const [row] = await database.query({
    text: `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS wal,
        xact_commit AS commits
      FROM pg_stat_database WHERE datname = current_database()`,
  })
  return Counters.parse(row)
}

const TableRows = z.object({ name: z.string(), rows: z.coerce.number() })

export async function countByTable(database: Database): Promise<Record<string, number>> {
  const rows = await database.query({
    text: `SELECT CASE schemaname WHEN 'public' THEN relname
          ELSE schemaname || '.' || relname END AS name, n_tup_ins + n_tup_upd + n_tup_del AS rows
      FROM pg_stat_user_tables`,
  })
  return Object.fromEntries(
    z
      .array(TableRows)
      .parse(rows)
      .map((one) => [one.name, one.rows]),
  )
}
