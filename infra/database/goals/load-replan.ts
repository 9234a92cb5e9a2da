import { z } from 'zod'

import type { Sql } from '../open-database.ts'
import type { GoalKey } from './lease-goals.ts'

/** A task of the plan that was rejected. */
export type EndedTask = {
  readonly id: string
  readonly isCompleted: boolean
  readonly isRejected: boolean
  readonly payload: unknown
  readonly constraints: unknown
  readonly dependsOn: readonly string[]
  readonly failure: { readonly code: string; readonly message: string } | null
  /** Arguments of the effects that its last result proposed. */
  readonly proposedArgs: readonly unknown[]
}

/** What another plan of a goal has to start from. */
export type LoadedReplan = {
  readonly tasks: readonly EndedTask[]
  readonly slots: readonly { readonly slot: string; readonly tool: string }[]
  readonly earlier: readonly {
    readonly plan: number
    readonly shape: string
    readonly failures: readonly { readonly code: string; readonly argsHash: string }[]
    readonly tasksCompleted: number
    readonly costUsdMicros: bigint
  }[]
  /** Effects that have happened, may have, or may yet. */
  readonly effectsHeld: number
  readonly costUsdMicros: bigint
  /** Who allowed another plan although effects may have happened. */
  readonly allowedBy: string | null
}

const Failure = z.object({ code: z.string(), message: z.string() }).nullable()
const Failures = z.array(z.object({ code: z.string(), argsHash: z.string() }))
const Outcome = z.object({
  result: z.object({ proposed_effects: z.array(z.object({ args: z.unknown() })) }),
})

/** Reads how the current plan of a goal ended, and the plans before it. */
export async function loadReplan(
  sql: Sql,
  { tenantId, id, plan }: GoalKey & { plan: number },
): Promise<LoadedReplan> {
  const values = [tenantId, id]
  const [tasks, slots, earlier, totals] = await Promise.all([
    loadTasks(sql, [...values, plan]),
    sql.query<{ slot: string; tool: string }>({
      text: 'SELECT slot, tool FROM slots WHERE tenant_id = $1 AND goal_id = $2 ORDER BY slot',
      values,
    }),
    sql.query<{
      plan: number
      shape: string
      failures: unknown
      tasks_completed: number
      cost_usd_micros: string
    }>({
      text: `SELECT plan, shape, failures, tasks_completed, cost_usd_micros FROM goal_replans
        WHERE tenant_id = $1 AND goal_id = $2 ORDER BY plan`,
      values,
    }),
    sql.query<{ held: number; cost: string; allowed_by: string | null }>({
      text: `SELECT g.replan_allowed_by AS allowed_by,
          (SELECT count(*)::int FROM effects e WHERE e.tenant_id = g.tenant_id
            AND e.goal_id = g.id
            AND e.state IN ('GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN')) AS held,
          coalesce((SELECT sum(b.spent + b.reserved) FROM budgets b
            WHERE b.tenant_id = g.tenant_id AND b.scope = 'goal' AND b.scope_id = g.id
              AND b.asset = 'USD'), 0)::text AS cost
        FROM goals g WHERE g.tenant_id = $1 AND g.id = $2`,
      values,
    }),
  ])
  const [total] = totals
  return {
    tasks,
    slots,
    earlier: earlier.map((row) => ({
      plan: row.plan,
      shape: row.shape,
      failures: Failures.parse(row.failures),
      tasksCompleted: row.tasks_completed,
      costUsdMicros: BigInt(row.cost_usd_micros),
    })),
    effectsHeld: total?.held ?? 0,
    costUsdMicros: BigInt(total?.cost ?? 0),
    allowedBy: total?.allowed_by ?? null,
  }
}

async function loadTasks(sql: Sql, values: unknown[]): Promise<EndedTask[]> {
  const rows = await sql.query<{
    id: string
    status: string
    phase: string
    payload: unknown
    constraints: unknown
    parents: string[]
    failure: unknown
    outcome: unknown
  }>({
    text: `SELECT t.id, t.status, t.phase, p.payload, p.constraints, t.failure, r.outcome,
        ARRAY(SELECT d.parent_id::text FROM task_dependencies d WHERE d.child_id = t.id
          ORDER BY d.parent_id) AS parents
      FROM tasks t JOIN task_payloads p ON p.task_id = t.id
      LEFT JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
      WHERE t.tenant_id = $1 AND t.goal_id = $2 AND t.plan = $3 ORDER BY t.id`,
    values,
  })
  return rows.map((row) => ({
    id: row.id,
    isCompleted: row.status === 'COMPLETED',
    isRejected: row.phase === 'rejected',
    payload: row.payload,
    constraints: row.constraints,
    dependsOn: row.parents,
    failure: Failure.parse(row.failure),
    proposedArgs: argsOf(row.outcome),
  }))
}

const argsOf = (outcome: unknown): unknown[] =>
  Outcome.safeParse(outcome).data?.result.proposed_effects.map(({ args }) => args) ?? []
