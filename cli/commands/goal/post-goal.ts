import { newId } from '@chimera/contracts/ids'
import { GoalPosted } from '@chimera/contracts/observable'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { exitOfGoal, followGoal } from './follow-goal.ts'
import { readGoal, type GoalOptions } from './read-goal.ts'
import { renderChange } from './render-goal.ts'

export type PostOptions = GoalOptions &
  Readonly<{ wait?: boolean; timeout: number; json?: boolean }>

/** Posts one goal; with `--wait` ends as the goal does, told by the exit code. */
export async function postGoal(
  text: string | undefined,
  options: PostOptions,
  context: CliContext,
): Promise<void> {
  const goal = readGoal(text, options)
  const client = await openGatewayClient(context)
  const posted = GoalPosted.parse(
    await client.post('/v1/goals', goal, { 'idempotency-key': newId() }),
  )
  if (options.wait !== true) {
    context.out(options.json === true ? printableJson(posted) : `${posted.id} ${posted.status}`)
    if (options.json !== true) context.err(`Watch it with: chimera goal watch ${posted.id}`)
    return
  }
  const { id } = posted
  const signal = AbortSignal.timeout(options.timeout * 1_000)
  const changes = followGoal({ client, id, signal })
  let step = await changes.next()
  for (; step.done !== true; step = await changes.next()) {
    if (options.json !== true) context.err(renderChange(step.value))
  }
  const ended = step.value
  const status = ended?.status ?? posted.status
  context.out(options.json === true ? printableJson({ id, status }) : `${id} ${status}`)
  const code = exitOfGoal(ended)
  if (code === EXIT.ok) return
  const reason = ended?.failure ?? undefined
  throw new CliExit(
    code,
    ended === undefined
      ? `${id} has not ended within ${options.timeout} s.`
      : `${id} is ${status}${reason === undefined ? '' : `: ${plain(reason.code)}`}.`,
  )
}
