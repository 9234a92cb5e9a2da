import { TaskView } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderFields, renderTable } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'

/** One task with its attempts. */
export async function showTask(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const task = TaskView.parse(await client.get(`/v1/tasks/${encodeURIComponent(id)}`))
  if (options.json === true) return context.out(printableJson(task))
  for (const line of renderTask(task)) context.out(line)
}

function renderTask(task: TaskView): string[] {
  const { failure, waiting_on: waiting } = task
  const lines = renderFields({
    task: task.id,
    goal: task.goal_id,
    type: task.type,
    kind: task.kind,
    status: task.status,
    phase: task.phase,
    attempt: `${task.attempt} of ${task.max_attempts}`,
    confidence: task.confidence,
    'waits for': waiting?.reason,
    until: waiting?.until,
    unblock: waiting?.unblock,
    failure: failure === null ? null : `${failure.code}: ${failure.message}`,
    'depends on': task.depends_on.length === 0 ? null : task.depends_on.join(', '),
    planned: task.planned_at,
    ready: task.ready_at,
    claimed: task.claimed_at,
    result: task.result_at,
    judged: task.judged_at,
  })
  if (task.attempts.length === 0) return lines
  const rows = task.attempts.map((one) => [
    one.attempt,
    one.outcome,
    one.worker,
    one.result_at,
    JSON.stringify(one.result),
    one.verdict === null ? '' : JSON.stringify(one.verdict),
  ])
  const head = ['attempt', 'outcome', 'worker', 'at', 'result', 'verdict']
  return [...lines, '', ...renderTable(head, rows)]
}
