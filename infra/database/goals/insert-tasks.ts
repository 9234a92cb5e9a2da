import type { TaskConstraints, TaskType } from '@chimera/contracts/agent-task'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import { type Sql, write } from '../open-database.ts'
import { FAR_OFF } from '../tasks/let-wait.ts'

/** One task of a frozen plan; the shape of `domain/plan` PlannedTask. */
export type TaskOfPlan = {
  readonly id: string
  readonly type: TaskType
  readonly kind: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly constraints: TaskConstraints
  readonly dependsOn: readonly string[]
}

/** Why tasks wait for the next UTC day, and for which counter a higher cap would wake them. */
export type PutOff = {
  readonly reason: string
  readonly waitsFor: string
  readonly unblock: string
}

type TaskToInsert = TaskOfPlan & {
  readonly tenantId: string
  readonly goalId: string
  /** Which plan of the goal it is of. */
  readonly plan: number
  readonly putOff?: PutOff | undefined
  /** It waits for its turn (domain/turns). */
  readonly turn?: { readonly agentId: string; readonly headStartMs: number } | undefined
}

/**
 * Tasks, then their payloads; a task without parents is ready at once. Two statements: row-level
 * security lets nobody write a payload whose task is not there yet.
 */
export async function insertTasks(
  tx: Sql,
  given: readonly TaskToInsert[],
  audit: AuditDraft,
): Promise<void> {
  if (given.length === 0) return
  // Neighbours by id, which every batch is locked in the order of, are neighbours in their pages.
  const tasks = given.toSorted((one, other) => (one.id < other.id ? -1 : 1))
  await write(tx, {
    name: 'insert-tasks',
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        parents_open, ready_at, run_at, waits_for, plan, waiting_on, audit_id,
        turn, turn_agent)
      SELECT id, tenant_id, goal_id, version_id, type, kind, 'PENDING',
        CASE WHEN parents = 0 THEN 'ready' ELSE 'blocked' END, parents,
        CASE WHEN parents = 0 THEN now() END, CASE WHEN turn_agent IS NOT NULL THEN ${FAR_OFF}
          WHEN put_off IS NOT NULL THEN tomorrow END,
        waits_for, plan,
        CASE WHEN parents > 0
          THEN '{"reason": "parent tasks", "until": null, "unblock": null}'::jsonb
          WHEN put_off IS NOT NULL
          THEN jsonb_build_object('reason', put_off, 'unblock', unblock, 'until',
            to_char(tomorrow AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')) END,
        audit_id, now() - head_start_ms * interval '1 millisecond', turn_agent
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::text[],
        $7::int[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::int[], $13::float8[],
        $14::text[])
        AS u(id, tenant_id, goal_id, version_id, type, kind, parents, audit_id, put_off, waits_for,
          unblock, plan, head_start_ms, turn_agent),
        (SELECT (date_trunc('day', now() AT TIME ZONE 'UTC') + interval '1 day')
          AT TIME ZONE 'UTC' AS tomorrow) AS next_day`,
    values: [
      tasks.map(({ id }) => id),
      tasks.map(({ tenantId }) => tenantId),
      tasks.map(({ goalId }) => goalId),
      tasks.map(() => newId()),
      tasks.map(({ type }) => type),
      tasks.map(({ kind }) => kind),
      tasks.map(({ dependsOn }) => dependsOn.length),
      tasks.map(({ tenantId }) => audit.idFor(tenantId)),
      tasks.map(({ putOff }) => putOff?.reason ?? null),
      tasks.map(({ putOff }) => putOff?.waitsFor ?? null),
      tasks.map(({ putOff }) => putOff?.unblock ?? null),
      tasks.map(({ plan }) => plan),
      tasks.map(({ turn }) => turn?.headStartMs ?? null),
      tasks.map(({ turn }) => turn?.agentId ?? null),
    ],
  })
  await write(tx, {
    name: 'insert-payloads',
    text: `INSERT INTO task_payloads (task_id, payload, constraints)
      SELECT * FROM unnest($1::uuid[], $2::jsonb[], $3::jsonb[])`,
    values: [
      tasks.map(({ id }) => id),
      tasks.map(({ payload }) => JSON.stringify(payload)),
      tasks.map(({ constraints }) => JSON.stringify(constraints)),
    ],
  })
}

/** Which tasks have to be COMPLETED before which. */
export async function insertDependencies(
  tx: Sql,
  tasks: readonly Pick<TaskOfPlan, 'id' | 'dependsOn'>[],
): Promise<void> {
  const edges = tasks.flatMap(({ id, dependsOn }) =>
    dependsOn.map((parent) => ({ parent, child: id })),
  )
  if (edges.length === 0) return
  await write(tx, {
    name: 'insert-dependencies',
    text: `INSERT INTO task_dependencies (parent_id, child_id)
      SELECT * FROM unnest($1::uuid[], $2::uuid[])`,
    values: [edges.map(({ parent }) => parent), edges.map(({ child }) => child)],
  })
}
