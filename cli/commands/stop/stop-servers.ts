import { RetryableError } from '@chimera/contracts/errors'
import type { StopReport } from '@chimera/contracts/observable'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { fenceServers } from '@chimera/infra/tools/fence-servers'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { loadConfig } from '@chimera/runtime/config'

import type { CliContext } from '../../context.ts'
import { readSecretFile } from '../../local-stack.ts'
import { findToolServers } from '../../tool-servers.ts'

/** Nothing else will stop them: worth more patience than the gateway's answer has. */
const FENCED_WITHIN_MS = 1_500

/**
 * Fences the tool servers of this state directory with the stop token, each one epoch above its
 * own: without the gateway, Redis, Postgres, and even without the supervisor. The Keeper takes the
 * stop into the record when that is back. Throws UNAVAILABLE when no stack runs here.
 */
export async function stopServers(
  scope: string,
  context: CliContext,
): Promise<StopReport & { errors: string[] }> {
  if (loadConfig(['cli'], context.env).CHIMERA_GATEWAY_URL !== undefined) {
    // Its tool servers are on another machine; those of this one are none of its.
    throw new RetryableError('UNAVAILABLE', 'Run `chimera stop` where the tool servers run.')
  }
  const stateDir = findStateDir(context.env)
  const token = await readSecretFile(stateDirPaths(stateDir).keyFiles.stopToken)
  const account = scope.startsWith('tool:') ? scope.slice('tool:'.length) : undefined
  const servers = await findToolServers(stateDir, account)
  const answers = await fenceServers({
    servers,
    openControl: ({ url }) => openToolControl({ url, token }),
    fence: { scope, stopped: true },
    withinMs: FENCED_WITHIN_MS,
  })
  return {
    epoch: Math.max(0, ...answers.map((answer) => (answer.isFenced ? answer.epoch : 0))),
    acknowledged_at: new Date().toISOString(),
    tools: answers.map((answer) => ({
      name: answer.name,
      result: answer.isFenced ? 'fenced' : 'unreachable',
      in_flight: answer.isFenced ? [...answer.inFlight] : [],
    })),
    errors: answers.flatMap((answer) =>
      answer.isFenced ? [] : [`${answer.name}: ${answer.error}`],
    ),
  }
}
