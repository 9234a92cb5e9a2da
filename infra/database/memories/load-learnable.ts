import type { Trust } from '@chimera/contracts/goal'
import { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'

/** A task that is done, with all that there is to learn from: `domain/memory` Learnable. */
export type LoadedLearnable = {
  tenantId: string
  taskId: string
  goalId: string
  outcome: AttemptOutcome
  goal: { agentId: string; trust: Trust; content: unknown }
}

type Row = {
  tenant_id: string
  id: string
  goal_id: string
  outcome: unknown
  agent_id: string
  trust: Trust
  content: unknown
}

/** Reads what models made in the current attempts of some tasks; no statement for none. */
export async function loadLearnable(
  sql: Sql,
  taskIds: readonly string[],
): Promise<LoadedLearnable[]> {
  if (taskIds.length === 0) return []
  const rows = await sql.query<Row>({
    name: 'load-learnable',
    text: `SELECT t.tenant_id, t.id, t.goal_id, r.outcome, g.agent_id, g.trust, g.content
      FROM tasks t JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
      JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.id = ANY ($1::uuid[]) ORDER BY t.id`,
    values: [taskIds],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    taskId: row.id,
    goalId: row.goal_id,
    outcome: AttemptOutcome.parse(row.outcome),
    goal: { agentId: row.agent_id, trust: row.trust, content: row.content },
  }))
}
