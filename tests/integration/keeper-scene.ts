/** A record, a Redis and a keeper for tests; the tests are planner, worker and judge themselves. */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { STREAMS, type StreamName, WORK_STREAMS } from '@chimera/contracts/streams'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openDutyLocks } from '@chimera/infra/database/sweeps/open-duty-locks'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { openKeeper, type Keeper } from '@chimera/keeper/open-keeper'
import { openLog } from '@chimera/runtime/log'
import { openMetrics, type Metrics } from '@chimera/runtime/metrics'
import { expect } from 'vitest'
import { z } from 'zod'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { ownRedisUrl } from '../own-redis.ts'

export type Scene = AsyncDisposable & {
  database: FreshDatabase
  redis: RedisConnection
  metrics: Metrics
  /** Opens a keeper of its own connections; closed with the scene unless it was before. */
  openKeeper(
    of?: Partial<Pick<Parameters<typeof openKeeper>[0], 'compose' | 'sweepMs' | 'memory'>>,
  ): Keeper
}

export async function openScene(): Promise<Scene> {
  await using opening = new AsyncDisposableStack()
  const log = openLog({ name: 'test', level: process.env['TEST_LOG'] ?? 'silent' })
  const database = opening.use(await openFreshDatabase())
  const redis = opening.use(await openRedis({ url: ownRedisUrl(), name: 'test', log }))
  await redis.client.flushall()
  const metrics = openMetrics()
  const stack = opening.move()
  let number = 0
  return {
    database,
    redis,
    metrics,
    openKeeper: (of = {}) => {
      number += 1
      const url = urlAs('chimera_swarm', database.databaseUrl)
      const own = { url, name: 'keeper', log, role: 'chimera_swarm' } as const
      const keeper = openKeeper({
        database: stack.use(openDatabase(own)),
        redis,
        publisher: openPublisher({ redis, source: 'keeper' }),
        memory: { remember: () => Promise.reject(new Error('nothing is remembered here')) },
        openLocks: (duties) => openDutyLocks({ url, duties, log }),
        openControl: (server) => openToolControl({ ...server, token: 'control-token-of-test' }),
        sweepMs: 300,
        tasks: metrics.tasks,
        actor: `keeper-${number}`,
        log,
        crash: Object.assign(() => {}, { isArmed: false }),
        ...of,
      })
      return stack.use(keeper)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/**
 * Waits until a keeper has seen this Redis: what is lost from now on is not the marker's business.
 */
export async function markerIsSaved({ database }: Scene): Promise<void> {
  const read = () => database.query({ text: 'SELECT marker FROM stream_marker' })
  await expect.poll(async () => (await read()).length, { timeout: 20_000 }).toBe(1)
}

/** Groups as the roles make them, with nothing unread. */
export async function createGroups({ redis }: Scene): Promise<void> {
  for (const stream of WORK_STREAMS) {
    await redis.client.xgroup('CREATE', stream, STREAMS[stream].group, '0', 'MKSTREAM')
  }
}

/** Reads and acknowledges everything, as a consumer that is quick and forgetful. */
export async function drain({ redis }: Scene, stream: (typeof WORK_STREAMS)[number]) {
  const { group } = STREAMS[stream]
  const read = await redis.client.xreadgroup(
    'GROUP',
    group,
    'test',
    'COUNT',
    100_000,
    'STREAMS',
    stream,
    '>',
  )
  const ids = entriesOf(read).map(([id]) => id)
  if (ids.length > 0) await redis.client.xack(stream, group, ...ids)
  return ids.length
}

/** The payloads of a stream, oldest first. */
export async function payloads({ redis }: Scene, stream: StreamName): Promise<Payload[]> {
  const entries = await redis.client.xrange(stream, '-', '+')
  const { field } = STREAMS[stream]
  return entries.flatMap(([entryId, fields]) =>
    fields
      .filter((_, at) => at % 2 === 1 && fields[at - 1] === field)
      .map((text) => ({ entryId, ...Json.parse(JSON.parse(text)) })),
  )
}
export type Payload = { entryId: string; [name: string]: unknown }

const Json = z.record(z.string(), z.unknown())

const Read = z
  .array(z.tuple([z.string(), z.array(z.tuple([z.string(), z.array(z.string())]))]))
  .nullable()

function entriesOf(read: unknown): [string, string[]][] {
  const [stream] = Read.parse(read) ?? []
  return stream?.[1] ?? []
}

/** Adds a goal with `count` tasks in one go; columns beyond the defaults as SQL expressions. */
export async function addTasks(
  database: Database,
  of: { count?: number; goalStatus?: string; columns?: Record<string, string> } = {},
): Promise<{ goalId: string; taskIds: string[] }> {
  const count = of.count ?? 1
  const goalId = `g-${newId()}`
  await addGoal(database, { id: goalId, status: of.goalStatus ?? 'ACTIVE', tasks: count })
  const columns = { status: `'PENDING'`, phase: `'ready'`, ready_at: 'now()', ...of.columns }
  const taskIds = Array.from({ length: count }, () => newId())
  await database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, audit_id,
        ${Object.keys(columns).join(', ')})
      SELECT id, '${DEFAULT_TENANT}', $2, gen_random_uuid(), 'RESEARCH', 'noop', gen_random_uuid(),
        ${Object.values(columns).join(', ')} FROM unnest($1::uuid[]) AS id`,
    values: [taskIds, goalId],
  })
  await database.query({
    text: `INSERT INTO task_payloads (task_id, payload, constraints)
      SELECT id, '{"kind": "noop", "index": 0}', '{}' FROM unnest($1::uuid[]) AS id`,
    values: [taskIds],
  })
  return { goalId, taskIds }
}

export async function addGoal(
  database: Database,
  of: { id: string; status: string; tasks?: number; columns?: Record<string, string> },
): Promise<void> {
  const columns = { received_at: 'now()', ...of.columns }
  await database.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
        content, content_hash, audit_id, tasks_total, tasks_open,
        ${Object.keys(columns).join(', ')})
      VALUES ('${DEFAULT_TENANT}', $1, gen_random_uuid(), $2, 'paper', 'default', 'http', 'owner',
        '{}', 'hash', gen_random_uuid(), $3, $3, ${Object.values(columns).join(', ')})`,
    values: [of.id, of.status, of.tasks ?? 0],
  })
}

/** The outside account of these tests. */
export const ACCOUNT = 'x:default'

/** Adds a task whose effect is granted for the boot; the account has to be there. */
export async function addEffect(
  { database }: Scene,
  of: { boot: string; granted?: string; expires: string },
): Promise<{ effectId: string; grantId: string }> {
  const { goalId, taskIds } = await addTasks(database, {
    columns: { status: `'REVIEW'`, phase: `'granted'` },
  })
  await database.query({
    text: `INSERT INTO slots (tenant_id, goal_id, slot, tool)
      SELECT tenant_id, id, 'publish', 'post_tweet' FROM goals WHERE id = $1`,
    values: [goalId],
  })
  const [effectId, grantId] = [newId(), newId()]
  await database.query({
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, grant_id, grant_jws,
        granted_at, grant_expires_at, boot, audit_id)
      SELECT $1, tenant_id, goal_id, id, 1, 'publish', 1, 'key', gen_random_uuid(), 'GRANTED',
        'post_tweet', $4, 'paper', '{}', 'hash', '{}', $7, 'jws', now() + $6::interval,
        now() + $5::interval, $3, gen_random_uuid()
      FROM tasks WHERE id = $2`,
    values: [effectId, taskIds[0], of.boot, ACCOUNT, of.expires, of.granted ?? '0 s', grantId],
  })
  return { effectId, grantId }
}

export const waitMs = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
