import { GoalPosted } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { printableJson } from '../../terminal-text.ts'

/** Calls a goal off; what has happened already is listed by `goal show` as `partial`. */
export async function cancelGoal(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const path = `/v1/goals/${encodeURIComponent(id)}/cancel`
  const cancelled = GoalPosted.parse(await client.post(path))
  const { status } = cancelled
  context.out(options.json === true ? printableJson(cancelled) : `${cancelled.id} ${status}`)
}
