import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { taskStream } from '@chimera/contracts/streams'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import { openDatabase, type Database, type Sql } from '@chimera/infra/database/open-database'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import type { PlannerDeps } from '@chimera/planner/plan-goals'
import { startPlanner } from '@chimera/planner/start-planner'
import type { Crash } from '@chimera/runtime/crash-point'
import { openLog } from '@chimera/runtime/log'
import { expect } from 'vitest'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { ownRedisUrl } from '../own-redis.ts'

type Door = Parameters<typeof startPlanner>[0]['door']

/** A record and an empty Redis of this test alone, and Planners that live on them. */
export type PlannerRig = AsyncDisposable & {
  readonly database: FreshDatabase
  readonly redis: RedisConnection
  readonly redisUrl: string
  readonly deps: PlannerDeps
  /** Starts a Planner in this process; closed with the rig at the latest. */
  start(of?: {
    from?: Door['from']
    actor?: string
    crash?: Crash
  }): Promise<AsyncDisposable & { recovered: number }>
  /** XADD of flat fields; answers the entry's id. */
  add(fields: Record<string, string>): Promise<string>
  /** Returns when every entry of `chimera:goals` is acknowledged. */
  settled(): Promise<void>
  /** Ids of the tasks that were rung for, in order, ringing twice included. */
  rung(): Promise<string[]>
}

const log = openLog({ name: 'test', level: 'silent' })

export async function openPlannerRig(): Promise<PlannerRig> {
  const stack = new AsyncDisposableStack()
  const redisUrl = ownRedisUrl()
  const database = stack.use(await openFreshDatabase())
  const redis = stack.use(await openRedis({ url: redisUrl, name: 'test', log }))
  await redis.client.flushall()
  const url = urlAs('chimera_swarm', database.databaseUrl)
  const own = openDatabase({ url, name: 'planner', log, role: 'chimera_swarm' })
  const deps: PlannerDeps = {
    database: stack.use(own),
    publisher: openPublisher({ redis, source: 'planner' }),
    log,
    crash: noCrash,
    actor: 'planner-1',
    leaseMs: 2_000,
  }
  return {
    database,
    redis,
    redisUrl,
    deps,
    start: async ({ from = 'owner', actor = deps.actor, crash = noCrash } = {}) => {
      const door = { from, tenantId: DEFAULT_TENANT }
      return stack.use(await startPlanner({ ...deps, actor, crash, door, redisUrl }))
    },
    add: async (fields) =>
      (await redis.client.xadd('chimera:goals', '*', ...Object.entries(fields).flat())) ?? '',
    settled: async () => {
      const state = async () => (await inspectStreams({ redis, streams: ['chimera:goals'] }))[0]
      await expect
        .poll(state, { timeout: 20_000, interval: 20 })
        .toMatchObject({ pending: 0, lag: 0 })
    },
    rung: () => rungTasks(redis),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** No label is armed. */
export const noCrash: Crash = Object.assign(() => undefined, { isArmed: false })

/** Runs work in a transaction with its audit, as roles do. */
export async function audited<T>(
  database: Database,
  work: (tx: Sql, audit: AuditDraft) => Promise<T>,
): Promise<T> {
  const audit = draftAudit()
  return database.transaction(async (tx) => {
    const value = await work(tx, audit)
    await appendAudit(tx, audit, 'test')
    return value
  })
}

/** Every transition that the audit has, oldest first: `goal g-1 RECEIVED -> PLANNED`. */
export async function readAudit(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ line: string }>({
    text: `SELECT concat(i ->> 'subject', ' ', i ->> 'id', ' ', i ->> 'from', ' -> ', i ->> 'to')
        AS line
      FROM audit_entries a, jsonb_array_elements(a.items) WITH ORDINALITY AS x(i, n)
      ORDER BY a.id, n`,
  })
  return rows.map(({ line }) => line)
}

async function rungTasks(redis: RedisConnection): Promise<string[]> {
  const ids: string[] = []
  for (const type of ['RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT'] as const) {
    for (const [, fields] of await redis.client.xrange(taskStream(type), '-', '+')) {
      const task: unknown = JSON.parse(fields[fields.indexOf('task') + 1] ?? 'null')
      if (typeof task === 'object' && task !== null && 'task_id' in task) {
        ids.push(String(task.task_id))
      }
    }
  }
  return ids
}
