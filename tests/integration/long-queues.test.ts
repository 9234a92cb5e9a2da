import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { draftAudit } from '@chimera/infra/database/append-audit'
import { commitPlans } from '@chimera/infra/database/goals/commit-plans'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import { countEnded } from '@chimera/infra/database/judging/count-ended'
import { loadAttempts } from '@chimera/infra/database/judging/load-attempts'
import {
  openDatabase,
  type Database,
  type Sql,
  type Statement,
} from '@chimera/infra/database/open-database'
import { claimTasks } from '@chimera/infra/database/tasks/claim-tasks'
import { tenantsIn } from '@chimera/infra/database/tenant-database'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'

/** Rows of each state that wait, where PostgreSQL was last told of none. */
const QUEUED = 3_000
const BATCH = 100
/** Of one statement for each row of its batch: the row, what belongs to it, and the update. */
const LOOKS = 10

let database: FreshDatabase
/** As the roles have it: what row security asks is a part of every plan. */
let swarm: Database
beforeAll(async () => {
  database = await openFreshDatabase()
  const log = openLog({ name: 'test', level: 'silent' })
  const url = urlAs('chimera_swarm', database.databaseUrl)
  swarm = openDatabase({ url, name: 'test', log, role: 'chimera_swarm' })
  await insert('done', { goals: 'COMPLETED', status: 'COMPLETED', phase: 'done' })
  await database.query({ text: 'ANALYZE goals, tasks, task_results' })
  for (const table of ['goals', 'tasks', 'task_results'])
    await database.query({ text: `ALTER TABLE ${table} SET (autovacuum_enabled = false)` })
  await insert('planned', { goals: 'ACTIVE', status: 'PENDING', phase: 'ready' })
  await insert('judged', { goals: 'ACTIVE', status: 'REVIEW', phase: 'judging' })
  await insert('received', { goals: 'RECEIVED' })
})
afterAll(async () => {
  await swarm[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
})

/** Goals of one task each; a goal that was only received has none. */
async function insert(
  name: string,
  of: { goals: string; status?: string; phase?: string },
): Promise<void> {
  await database.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
        content, content_hash, tasks_total, tasks_open, finished_at, audit_id)
      SELECT $1, $2 || '-' || n, new_version(), $3, 'paper', 'default', 'stream', 'owner', '{}', '',
        1, 1, CASE WHEN $3 = 'COMPLETED' THEN now() END, new_version()
      FROM generate_series(1, $4::int) AS n`,
    values: [DEFAULT_TENANT, name, of.goals, QUEUED],
  })
  if (of.status === undefined) return
  await database.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        ready_at, result_at, audit_id)
      SELECT gen_random_uuid(), tenant_id, id, new_version(), 'RESEARCH', 'noop', $2, $3, now(),
        now(), audit_id
      FROM goals WHERE id LIKE $1 || '-%'`,
    values: [name, of.status, of.phase],
  })
  await database.query({
    text: `INSERT INTO task_results (task_id, attempt, worker, outcome)
      SELECT id, attempt, 'worker', '{}' FROM tasks WHERE phase = 'judging' AND goal_id LIKE $1`,
    values: [`${name}-%`],
  })
}

type PlanNode = {
  'Relation Name'?: string | undefined
  'Actual Rows'?: number | undefined
  'Actual Loops'?: number | undefined
  'Rows Removed by Filter'?: number | undefined
  'Rows Removed by Join Filter'?: number | undefined
  Plans?: PlanNode[] | undefined
}
const PlanNode: z.ZodType<PlanNode> = z.object({
  'Relation Name': z.string().optional(),
  'Actual Rows': z.number().optional(),
  'Actual Loops': z.number().optional(),
  'Rows Removed by Filter': z.number().optional(),
  'Rows Removed by Join Filter': z.number().optional(),
  get Plans() {
    return z.array(PlanNode).optional()
  },
})
const Explained = z.object({ 'QUERY PLAN': z.array(z.object({ Plan: PlanNode })) })

/** Rows that a plan takes from tables, and pairs of rows that it compares in vain. */
function readBy(node: PlanNode): number {
  const fromTable = node['Relation Name'] === undefined ? 0 : (node['Actual Rows'] ?? 0)
  const inVain = (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Join Filter'] ?? 0)
  const below = (node.Plans ?? []).reduce((sum, plan) => sum + readBy(plan), 0)
  return (fromTable + inVain) * (node['Actual Loops'] ?? 1) + below
}

/** Rows that the statements of some work read; they are answered with none, and taken back. */
async function rowsRead(
  work: (sql: Sql) => Promise<unknown>,
  change: (text: string) => string,
): Promise<number> {
  let sum = 0
  const undone = new Error('What was done is taken back: the next one finds the same rows.')
  const done = swarm.transaction(
    async (tx) => {
      const query = async ({ text, values }: Statement): Promise<never[]> => {
        // As a statement that was prepared long ago is planned: without a look at its lists.
        const prepared = change(text).replaceAll(/\$\d+::\w+\[\]/g, (list) => {
          const type = list.slice(list.indexOf('::'))
          return `(SELECT ${list})${type}`
        })
        const explain = `EXPLAIN (ANALYZE, FORMAT JSON) ${prepared}`
        const [row] = await tx.query({ text: explain, ...(values === undefined ? {} : { values }) })
        for (const { Plan } of Explained.parse(row)['QUERY PLAN']) sum += readBy(Plan)
        return []
      }
      // A table is read from end to end while it is small, and no table of a swarm is for long.
      await tx.query({ text: 'SET LOCAL enable_seqscan = off' })
      await work({ query })
      throw undone
    },
    tenantsIn([{ tenantId: DEFAULT_TENANT }]),
  )
  await expect(done).rejects.toBe(undone)
  return sum
}

const names = (name: string): string[] =>
  Array.from({ length: BATCH }, (_, n) => `${name}-${n + 1}`)

const tasksOf = async (name: string): Promise<string[]> => {
  const rows = await database.query<{ id: string }>({
    text: 'SELECT id FROM tasks WHERE goal_id = ANY($1)',
    values: [names(name)],
  })
  return rows.map(({ id }) => id)
}

const versionsOf = (name: string): Promise<{ id: string; version_id: string }[]> =>
  database.query({
    text: 'SELECT id, version_id FROM goals WHERE id = ANY($1)',
    values: [names(name)],
  })

/** Each once for a batch, in the order of a task's life. */
async function expectNoQueueRead(change: (text: string) => string): Promise<void> {
  const reads: Record<string, number> = {}
  const goals = await versionsOf('received')
  const keys = goals.map(({ id }) => ({ tenantId: DEFAULT_TENANT, id }))
  reads['lease-goals'] = await rowsRead(
    (sql) => leaseGoals(sql, { keys, owner: 'planner', leaseMs: 1 }),
    change,
  )
  const failure = { code: 'PLAN_INVALID', message: 'none' } as const
  const plans = (await versionsOf('received')).map(({ id, version_id: versionId }) => ({
    tenantId: DEFAULT_TENANT,
    goalId: id,
    versionId,
    failure,
  }))
  reads['commit-plans'] = await rowsRead((sql) => commitPlans(sql, plans, draftAudit()), change)
  const rings = (await tasksOf('planned')).map((id) => ({ id }))
  reads['claim-tasks'] = await rowsRead(
    (sql) => claimTasks(sql, { rings, worker: 'worker', leaseMs: 1 }),
    change,
  )
  const judged = await tasksOf('judged')
  reads['load-attempts'] = await rowsRead((sql) => loadAttempts(sql, judged), change)
  const ended = names('judged').map((goalId) => ({
    tenantId: DEFAULT_TENANT,
    goalId,
    failure: null,
  }))
  reads['count-ended'] = await rowsRead((sql) => countEnded(sql, ended, draftAudit()), change)
  const tooMany = Object.entries(reads).filter(([, rows]) => rows > LOOKS * BATCH)
  const said = tooMany.map(([name, rows]) => `${name} ${rows}`).join(', ')
  expect(said, `more than ${LOOKS * BATCH} rows for ${BATCH}: ${said}`).toBe('')
}

const title = 'a batch reads its own rows, however long the queue of its state has grown'
guarantee({ id: 'long-queues', title, n: 1, seed: 1 }, () => expectNoQueueRead((text) => text))
control(
  {
    guard: 'conditions that no index of a state serves',
    test: 'long-queues',
    expect: /lease-goals.*commit-plans.*claim-tasks.*load-attempts/,
  },
  () => expectNoQueueRead((text) => text.replaceAll(/coalesce\((\w\.\w+), ''\) =/g, '$1 =')),
)
control({ guard: 'one list, not two', test: 'long-queues', expect: /for 100: count-ended/ }, () =>
  expectNoQueueRead((text) =>
    text.replace(
      'FROM locked l WHERE g.tenant_id = l.tenant_id AND g.id = l.id',
      `FROM u JOIN locked l USING (tenant_id, id)
      WHERE g.tenant_id = u.tenant_id AND g.id = u.id`,
    ),
  ),
)
