import type {
  AgentTask,
  TaskConstraints,
  TaskStatus,
  TaskType,
} from '@chimera/contracts/agent-task'

import type { Sql } from '../open-database.ts'

/** Reads tasks as they stand on the wire (contracts/agent-task.ts), with their tenant. */
export async function loadWireTasks(
  sql: Sql,
  taskIds: readonly string[],
): Promise<{ tenantId: string; task: AgentTask }[]> {
  if (taskIds.length === 0) return []
  const rows = await sql.query<{
    id: string
    tenant_id: string
    goal_id: string
    type: TaskType
    status: TaskStatus
    payload: Record<string, unknown>
    constraints: TaskConstraints
  }>({
    name: 'load-wire-tasks',
    text: `SELECT t.id, t.tenant_id, t.goal_id, t.type, t.status, p.payload, p.constraints
      FROM tasks t JOIN task_payloads p ON p.task_id = t.id WHERE t.id = ANY($1::uuid[])`,
    values: [taskIds],
  })
  return rows.map((row) => ({
    tenantId: row.tenant_id,
    task: {
      task_id: row.id,
      parent_goal_id: row.goal_id,
      type: row.type,
      payload: row.payload,
      constraints: row.constraints,
      status: row.status,
    },
  }))
}
