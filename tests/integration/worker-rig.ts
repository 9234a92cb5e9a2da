import { setTimeout as sleep } from 'node:timers/promises'

import { canonicalHash } from '@chimera/contracts/canonical'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { taskStream } from '@chimera/contracts/streams'
import { KIND_TYPE, type TaskPayload } from '@chimera/contracts/task-payload'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { releaseLostLeases } from '@chimera/infra/database/sweeps/release-lost-leases'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher, type Publisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { openMetrics } from '@chimera/runtime/metrics'
import { defineExecutor, registerExecutors } from '@chimera/worker/executors/executor'
import type { Executor } from '@chimera/worker/executors/executor'
import { noop } from '@chimera/worker/executors/noop'
import { startWorker, type Worker, type WorkerParts } from '@chimera/worker/start-worker'

import { seenThrough } from '../faults/model/without.ts'
import { openFreshDatabase, urlAs } from '../fresh-database.ts'
import { ownRedisUrl } from '../own-redis.ts'

/** A record and a Redis of this test's own, and Workers on them. */
export type WorkerRig = AsyncDisposable & {
  readonly database: Database
  readonly databaseUrl: string
  readonly redis: RedisConnection
  readonly publisher: Publisher
  /** A Worker in this process; closed with the rig, unless the test does it. */
  start(over?: Partial<WorkerParts>): Promise<Worker>
}

export const log = openLog({ name: 'worker-rig', level: 'silent' })

export async function openWorkerRig(): Promise<WorkerRig> {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await openFreshDatabase())
  const redis = stack.use(await openRedis({ url: ownRedisUrl(), name: 'worker-rig', log }))
  await redis.client.flushall()
  const publisher = openPublisher({ redis, source: 'worker-rig' })
  return {
    database,
    databaseUrl: database.databaseUrl,
    redis,
    publisher,
    async start(over = {}) {
      const own = openDatabase({
        url: urlAs('chimera_swarm', database.databaseUrl),
        name: 'worker',
        log,
        role: 'chimera_swarm',
        max: 3,
      })
      const parts = {
        consumerName: `worker-${newId()}`,
        database: own,
        publisher,
        redisUrl: ownRedisUrl(),
        executors: registerExecutors([noop]),
        taskTypes: ['RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT'] as const,
        leaseMs: 15_000,
        caps: { agent: 1_000, tenant: 10_000 },
        toolToken: 'a token of the worker rig',
        log,
        metrics: openMetrics(),
        crash: Object.assign(() => undefined, { isArmed: false }),
        random: () => 0,
        ...over,
      }
      const worker = await startWorker(parts)
      let isClosed = false
      const close = async (): Promise<void> => {
        if (isClosed) return
        isClosed = true
        await worker[Symbol.asyncDispose]()
        await own[Symbol.asyncDispose]()
      }
      stack.defer(close)
      return { check: worker.check, [Symbol.asyncDispose]: close }
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** Executors of drills for `noop` tasks: what is done to a task is chosen by its index. */
export function drills(execute: Executor['execute'], over: Partial<Executor> = {}) {
  return registerExecutors([{ ...defineExecutor({ kind: 'noop', execute }), ...over }])
}

/** What an executor gives that has nothing to say. */
export const NOTHING = { confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }

/** A goal with tasks that are ready; answers their ids in the order of the payloads. */
export async function readyTasks(
  database: Database,
  payloads: readonly TaskPayload[],
  of: { tenantId?: string; goalId?: string; text?: string; trust?: 'owner' | 'untrusted' } = {},
): Promise<string[]> {
  const { tenantId = DEFAULT_TENANT, goalId = newId(), text = 'noop 1', trust = 'owner' } = of
  const content = { text }
  const audit = newId()
  await database.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
        content, content_hash, tasks_total, tasks_open, audit_id)
      VALUES ($1, $2, $3, 'ACTIVE', 'paper', 'default', 'cli', $8, $4, $5, $6, $6, $7)`,
    values: [
      tenantId,
      goalId,
      newId(),
      JSON.stringify(content),
      canonicalHash(content),
      payloads.length,
      audit,
      trust,
    ],
  })
  const ids = payloads.map(() => newId())
  await database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        ready_at, audit_id)
      SELECT id, $2, $3, gen_random_uuid(), type, kind, 'PENDING', 'ready', now(), $4
      FROM unnest($1::uuid[], $5::text[], $6::text[]) AS u(id, type, kind)`,
    values: [
      ids,
      tenantId,
      goalId,
      audit,
      payloads.map(({ kind }) => KIND_TYPE[kind]),
      payloads.map(({ kind }) => kind),
    ],
  })
  await database.query({
    text: `INSERT INTO task_payloads (task_id, payload, constraints)
      SELECT id, payload, '{}' FROM unnest($1::uuid[], $2::jsonb[]) AS u(id, payload)`,
    values: [ids, payloads.map((payload) => JSON.stringify(payload))],
  })
  return ids
}

export const noops = (count: number): TaskPayload[] =>
  Array.from({ length: count }, (_, index) => ({ kind: 'noop', index }))

/** Rings for tasks, as the Planner does. */
export async function ring(
  rig: Pick<WorkerRig, 'publisher'>,
  ids: readonly string[],
  of: { type?: 'RESEARCH' | 'CONTENT_GEN' | 'TRANSACTION' | 'ENGAGEMENT'; tenant?: string } = {},
): Promise<void> {
  const { type = 'RESEARCH', tenant } = of
  await rig.publisher.publish(
    ids.map((id) => ({
      stream: taskStream(type),
      tenant,
      payload: { task_id: id, type, payload: {}, status: 'PENDING' },
    })),
  )
}

/** A task as the record has it. */
export type TaskRow = {
  id: string
  status: string
  phase: string
  attempt: number
  retries: number
  leases_lost: number
  lease_owner: string | null
  run_at: Date | null
  waiting_on: unknown
}

export const tasksOf = (database: Database, ids: readonly string[]): Promise<TaskRow[]> =>
  database.query<TaskRow>({
    text: `SELECT id, status, phase, attempt, retries, leases_lost, lease_owner, run_at, waiting_on
      FROM tasks WHERE id = ANY ($1::uuid[]) ORDER BY array_position($1::uuid[], id)`,
    values: [ids],
  })

export type ResultRow = { task_id: string; attempt: number; worker: string; outcome: unknown }

export const resultsOf = (database: Database, ids: readonly string[]): Promise<ResultRow[]> =>
  database.query<ResultRow>({
    text: `SELECT task_id, attempt, worker, outcome FROM task_results
      WHERE task_id = ANY ($1::uuid[]) ORDER BY array_position($1::uuid[], task_id), attempt`,
    values: [ids],
  })

/** How many of the tasks are in a phase. */
export async function countIn(
  database: Database,
  ids: readonly string[],
  phase: string,
): Promise<number> {
  const rows = await tasksOf(database, ids)
  return rows.filter((row) => row.phase === phase).length
}

/** Takes back what nobody renewed, as the Keeper does. */
export const sweepLeases = (database: Database) =>
  releaseLostLeases(database, { actor: 'keeper', limit: 100, maxLeasesLost: 5 })

/** Waits until what is read is what is wanted; answers the last reading either way. */
export async function until<T>(
  read: () => Promise<T> | T,
  isEnough: (value: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const value = await read()
    if (isEnough(value) || Date.now() > end) return value
    await sleep(20)
  }
}

/**
 * The database with one statement changed: how a test takes a guard out of the record's own
 * hands.
 */
export function withStatement(
  database: Database,
  name: string,
  change: (text: string) => string,
): Database {
  return seenThrough(database, {
    ask: (statement) => {
      if (statement.name !== name) return statement
      const text = change(statement.text)
      if (text === statement.text) throw new Error(`The statement ${name} has no such guard.`)
      return { ...statement, name: `${name}-unguarded`, text }
    },
  })
}
