import { GoalSummary, GoalView } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { printableJson } from '../../terminal-text.ts'
import { renderGoal, renderGoals } from './render-goal.ts'

/** Goals, newest first. */
export async function listGoals(
  options: { status?: string; limit: number; json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const goals = await readPages({
    client,
    path: '/v1/goals',
    field: 'goals',
    query: { status: options.status },
    limit: options.limit,
    parse: (item) => GoalSummary.parse(item),
  })
  if (options.json === true) context.out(printableJson(goals))
  else for (const line of renderGoals(goals)) context.out(line)
}

/** One goal with its tasks, attempts and effects. */
export async function showGoal(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const goal = GoalView.parse(await client.get(`/v1/goals/${encodeURIComponent(id)}`))
  if (options.json === true) context.out(printableJson(goal))
  else for (const line of renderGoal(goal)) context.out(line)
}
