import { AgentTask, type TaskType } from '@chimera/contracts/agent-task'
import { EffectGrant } from '@chimera/contracts/grant'
import { Uuid } from '@chimera/contracts/ids'
import { taskStream } from '@chimera/contracts/streams'
import { insertLetters } from '@chimera/infra/database/letters/insert-letters'
import type { Database } from '@chimera/infra/database/open-database'
import { findRegistryEntry } from '@chimera/infra/database/registry/find-registry-entry'
import type { Caps } from '@chimera/infra/database/tasks/caps'
import { searchRecord } from '@chimera/infra/database/tasks/search-record'
import { openTenantDatabase, sqlOf } from '@chimera/infra/database/tenant-database'
import type { Recollection } from '@chimera/infra/memory/recollection'
import { openConsumer, type Consumer } from '@chimera/infra/streams/consumer'
import type { DeadLetter } from '@chimera/infra/streams/dead-letter'
import type { Entry } from '@chimera/infra/streams/parse-entry'
import type { Publisher } from '@chimera/infra/streams/publisher'
import type { Settlements } from '@chimera/infra/streams/settlement'
import type { ReviewedDefinitions } from '@chimera/infra/tools/reviewed-definitions'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'
import type { Metrics } from '@chimera/runtime/metrics'

import { findPersona } from './agents/find-persona.ts'
import { openBells } from './bells.ts'
import type { Executors } from './executors/executor.ts'
import { openReadTool } from './executors/read-tools.ts'
import { openGrantDesk, type GrantDesk } from './grants/grant-desk.ts'
import { openToolConnections } from './grants/tool-connections.ts'
import { takeBackOwn } from './tasks/take-back.ts'
import { openTaskDesk, type TaskBell, type TaskDesk } from './tasks/task-desk.ts'

/** What a Worker is made of. Executors come from outside: a test starts one with others. */
export type WorkerParts = Readonly<{
  /** Stable through restarts: leases and pending entries are found again by it. */
  consumerName: string
  database: Database
  publisher: Publisher
  redisUrl: string
  executors: Executors
  taskTypes: readonly TaskType[]
  leaseMs: number
  /** What may be in flight at once. */
  caps: Caps
  toolToken: string
  /** What the tools have to be; without it what the record pinned counts alone. */
  reviewed?: ReviewedDefinitions
  /** What agents remember; without it, nothing. */
  recollect?: Recollection
  log: Logger
  metrics: Metrics
  crash: Crash
  /** In [0, 1): the jitter of retries. */
  random: () => number
}>

/** A Worker at work. Disposing closes the doors, ends or hands back what is in hand. */
export type Worker = AsyncDisposable & Readonly<{ check: () => void }>

/**
 * Starts a Worker: takes back what its last life had in hand, then consumes the streams of its task
 * types and `chimera:effects`. Throws UNAVAILABLE when the record does not answer.
 */
export async function startWorker(parts: WorkerParts): Promise<Worker> {
  const { consumerName, log, random } = parts
  const database = openTenantDatabase(parts.database)
  await using stack = new AsyncDisposableStack()
  const of = (tenantId: string) => sqlOf(database, { tenantIds: [tenantId] })
  const bells = openBells(parts.publisher)
  const connections = stack.use(
    openToolConnections({ token: parts.toolToken, log, reviewed: parts.reviewed }),
  )
  const own = { ...parts, database, worker: consumerName, bells }
  const desk = stack.use(
    openTaskDesk({
      ...own,
      bench: {
        executors: parts.executors,
        readToolOf: ({ tenantId, agentId }) =>
          openReadTool({ sql: of(tenantId), connections, tenantId, agentId }),
        searchRecordOf:
          ({ tenantId, goalId }) =>
          (question) =>
            searchRecord(of(tenantId), { tenantId, goalId, question }),
        findRegistryEntryOf:
          ({ tenantId }) =>
          (kind, name) =>
            findRegistryEntry(of(tenantId), { tenantId, kind, name }),
        findPersonaOf: (task) => () => findPersona(of(task.tenantId), task),
        recallOf:
          ({ tenantId, agentId, goalId }) =>
          async (asked) =>
            (await parts.recollect?.({ tenantId, agentId, goalId, ...asked })) ?? [],
        log,
        random,
      },
    }),
  )
  const grants = stack.use(openGrantDesk({ ...own, connections }))
  await takeBackOwn({ ...own, desk, types: parts.taskTypes })
  const consumers = [consumeTasks(parts, desk), consumeGrants(parts, grants)]
  stack.defer(async () => void (await Promise.all(consumers.map((consumer) => consumer.close()))))
  const opened = stack.move()
  return {
    check: () => {
      for (const consumer of consumers) consumer.check()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

function consumeTasks(parts: WorkerParts, desk: TaskDesk): Consumer {
  return openConsumer<TaskBell>({
    ...consumerOf(parts, 'tasks'),
    streams: parts.taskTypes.map((type) => taskStream(type)),
    parse: ({ payload, envelope }) => ({
      id: AgentTask.parse(payload).task_id.toLowerCase(),
      // Not a uuid is nobody's tenant, which is a fault of the entry.
      tenantId: envelope.tenant === undefined ? undefined : Uuid.parse(envelope.tenant),
      traceparent: envelope.traceparent,
    }),
    handle: takeTasks(desk),
    hooks: {
      onRead: () => parts.crash('worker.task.read'),
      onAcknowledged: () => parts.crash('worker.task.acknowledged'),
    },
  })
}

/** An entry has done its work when the claim is committed: from then on the row is in charge. */
function takeTasks(desk: TaskDesk) {
  return async (
    batch: readonly Entry<TaskBell>[],
    signal: AbortSignal,
  ): Promise<Settlements<TaskBell>> => {
    const { unknown, foreign } = await desk.take(
      batch.map(({ value }) => value),
      signal,
    )
    const settlementOf = ({ value: { id, tenantId } }: Entry<TaskBell>) => {
      if (unknown.has(id)) {
        return {
          outcome: 'dead',
          code: 'TASK_NOT_FOUND',
          reason: `There is no task ${id}.`,
        } as const
      }
      if (!foreign.has(id) || tenantId === undefined) return { outcome: 'done' } as const
      const reason = `Task ${id} is not of the tenant ${tenantId} that the entry names.`
      return { outcome: 'dead', code: 'TENANT_FORBIDDEN', reason } as const
    }
    return new Map(batch.map((entry) => [entry, settlementOf(entry)]))
  }
}

function consumeGrants(parts: WorkerParts, grants: GrantDesk): Consumer {
  return openConsumer<EffectGrant>({
    ...consumerOf(parts, 'effects'),
    streams: ['chimera:effects'],
    parse: ({ payload }) => EffectGrant.parse(payload),
    handle: (batch, signal) =>
      grants.carry(
        batch.map(({ value }) => value.grant_id),
        signal,
      ),
    hooks: {
      onRead: () => parts.crash('worker.grant.read'),
      onAcknowledged: () => parts.crash('worker.grant.acknowledged'),
    },
  })
}

function consumerOf(parts: WorkerParts, name: string) {
  const { database, redisUrl: url, consumerName, log, leaseMs, metrics } = parts
  return {
    url,
    name: `worker-${name}`,
    consumerName,
    log,
    leaseMs,
    metrics,
    onDead: async (letters: readonly DeadLetter[]): Promise<void> => {
      await insertLetters(database, { letters, actor: consumerName })
    },
  }
}
