import { RetryableError } from '@chimera/contracts/errors'
import { killLevelOf } from '@chimera/contracts/judging/kill'
import type { KillReport, KillView } from '@chimera/contracts/observable'
import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { askServers } from '@chimera/infra/tools/ask-servers'
import { killServers } from '@chimera/infra/tools/kill-servers'
import { openToolControl } from '@chimera/infra/tools/tool-control'
import { loadConfig } from '@chimera/runtime/config'

import { actorOf } from '../../actor.ts'
import type { CliContext } from '../../context.ts'
import { readSecretFile } from '../../local-stack.ts'
import { plain } from '../../terminal-text.ts'
import { findToolServers } from '../../tool-servers.ts'

/** Nothing else will tell them: worth more patience than the gateway's answer has. */
const WITHIN_MS = 1_500

/**
 * Tells the tool servers of this state directory, each of which looks at the token: without the
 * gateway, Redis, Postgres, and even without the supervisor. The Keeper takes a raise into the
 * record when that is back. Throws UNAVAILABLE when no stack runs here.
 */
export async function killServersHere(
  of: Readonly<{ scope: string; level: number; reason: string; token: string }>,
  context: CliContext,
): Promise<KillReport> {
  const { token, ...kill } = of
  const answers = await killServers({
    servers: await serversHere(context),
    openControl: ({ url }) => openToolControl({ url, token }),
    kill: { ...kill, actor: actorOf(context) },
    withinMs: WITHIN_MS,
  })
  for (const { name, error } of answers) {
    if (error !== undefined) context.err(plain(`${name}: ${error}`))
  }
  return {
    scope: of.scope,
    level: null,
    previous_level: null,
    epoch: null,
    acknowledged_at: new Date().toISOString(),
    tools: answers.map(({ error: _error, ...told }) => told),
  }
}

/** What the tool servers hold of everything; the record is not asked. */
export async function showServersHere(context: CliContext): Promise<KillView> {
  const { stopToken } = stateDirPaths(findStateDir(context.env)).keyFiles
  const token = await readSecretFile(stopToken)
  const answers = await askServers({
    servers: await serversHere(context),
    openControl: ({ url }) => openToolControl({ url, token }),
    ask: async (control) => control.kill(),
    withinMs: WITHIN_MS,
  })
  return {
    levels: [],
    tools: answers.map((answer) => ({
      name: answer.name,
      level: answer.isReached ? killLevelOf(answer.reply.epochs['everything'] ?? 0) : null,
    })),
  }
}

async function serversHere(context: CliContext) {
  if (loadConfig(['cli'], context.env).CHIMERA_GATEWAY_URL !== undefined) {
    // Its tool servers are on another machine; those of this one are none of its.
    throw new RetryableError('UNAVAILABLE', 'Run `chimera kill` where the tool servers run.')
  }
  return findToolServers(findStateDir(context.env))
}
