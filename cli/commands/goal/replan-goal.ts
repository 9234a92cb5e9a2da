import { GoalPosted } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { printableJson } from '../../terminal-text.ts'

/** A person's word that a goal may have another plan; `goal cancel` is the other answer. */
export async function replanGoal(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const path = `/v1/goals/${encodeURIComponent(id)}/replan`
  const goal = GoalPosted.parse(await client.post(path))
  context.out(options.json === true ? printableJson(goal) : `${goal.id} is planned again`)
}
