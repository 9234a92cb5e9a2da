import { findStack } from '@chimera/infra/stack/control-client'
import { findStateDir } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'

/** A stop takes 10 s at most. */
const STOPPED_WITHIN_MS = 15_000

/** Stops the stack of this state directory; harmless when none runs. */
export async function down(options: { json?: boolean }, context: CliContext): Promise<void> {
  const stateDir = findStateDir(context.env)
  const stack = await findStack(stateDir)
  await stack?.stop(STOPPED_WITHIN_MS)
  const wasRunning = stack !== undefined
  if (options.json === true)
    context.out(JSON.stringify({ state: 'down', state_dir: stateDir, was_running: wasRunning }))
  else context.err(wasRunning ? 'Everything has stopped.' : `Nothing runs on ${stateDir}.`)
}
