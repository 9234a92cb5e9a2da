import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { printableJson } from '../../terminal-text.ts'
import { exitOfGoal, followGoal } from './follow-goal.ts'
import { renderChange } from './render-goal.ts'

/** Prints what becomes of a goal until it has ended, and ends as it did. */
export async function watchGoal(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const { signal } = new AbortController()
  const changes = followGoal({ client, id, signal })
  let step = await changes.next()
  for (; step.done !== true; step = await changes.next()) {
    context.out(options.json === true ? printableJson(step.value) : renderChange(step.value))
  }
  const code = exitOfGoal(step.value)
  if (code !== EXIT.ok) throw new CliExit(code)
}
