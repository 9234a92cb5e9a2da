import { createHash, timingSafeEqual } from 'node:crypto'

import { ConflictError, DeniedError, TerminalError } from '@chimera/contracts/errors'
import { KILL_LEVELS, killLevelOf } from '@chimera/contracts/judging/kill'
import type { KillReport, KillView } from '@chimera/contracts/observable'
import { findTenant } from '@chimera/infra/database/goals/find-tenant'
import type { MovedKill } from '@chimera/infra/database/kill/kill-row'
import { lowerKill } from '@chimera/infra/database/kill/lower-kill'
import { raiseKill } from '@chimera/infra/database/kill/raise-kill'
import { readKill } from '@chimera/infra/database/kill/read-kill'
import type { Database } from '@chimera/infra/database/open-database'
import { listAccounts } from '@chimera/infra/database/tools/list-accounts'
import { askServers, type Answered, type ServerToAsk } from '@chimera/infra/tools/ask-servers'
import { killServers } from '@chimera/infra/tools/kill-servers'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import type { KillBody } from './parse-kill.ts'

type Control = Pick<ToolControl, 'setKill' | 'status'>

export type KillDeps = Readonly<{
  database: Database
  openControl: (of: { url: string }) => Control
  /** With another token than the house's own: the one that the operator has shown. */
  openControlWith: (of: { url: string; token: string }) => Control
  /** The operator's own token; undefined: nobody lowers a level. */
  killToken: string | undefined
}>

type Asked = KillBody & Readonly<{ actor: string }>
type Audit = MovedKill['audit']

/** As a stop: the answer has to be there within 200 ms. */
const TOLD_WITHIN_MS = 150
/** What lets more through is in no hurry. */
const LOWERED_WITHIN_MS = 1_000

/**
 * Raises a kill level: the row first, so that nothing more is granted that it forbids; then every
 * tool server, durable there; then the answer. A server that was not reached keeps the request on
 * its way, and the Keeper brings it the level as well. Throws INPUT_INVALID for a tenant that there
 * is not.
 */
export async function raise(
  deps: KillDeps,
  of: Asked,
): Promise<{ report: KillReport; audit: Audit }> {
  await checkTenant(deps, of.scope)
  const servers = await serversOf(deps)
  const kill = await raiseKill(deps.database, of)
  const answers = await killServers({
    ...deps,
    servers,
    // The level that holds now: it may be above the one that was asked for.
    kill: { ...bodyOf(of), level: kill.level, epoch: kill.epoch },
    withinMs: TOLD_WITHIN_MS,
  })
  return { report: reportOf(kill, answers), audit: kill.audit }
}

/**
 * Lowers a kill level on the operator's word, here and at every tool server, each of which looks at
 * the token for itself. One that was not reached learns it from its next signed hello. Throws
 * FORBIDDEN for another token, and where this gateway has none to compare with.
 */
export async function lower(
  deps: KillDeps,
  of: Asked & Readonly<{ token: string | undefined }>,
): Promise<{ report: KillReport; audit: Audit }> {
  const { token, ...asked } = of
  if (!isTheOperators(token, deps.killToken)) {
    const message = "Only the operator's own token lowers a kill level (header chimera-kill-token)."
    throw new DeniedError('FORBIDDEN', message)
  }
  const servers = await serversOf(deps)
  const above = await highestEpoch(deps, { servers, scope: of.scope })
  const kill = await lowerKill(deps.database, { ...asked, above })
  const answers = await killServers({
    servers,
    openControl: ({ url }) => deps.openControlWith({ url, token }),
    kill: { ...bodyOf(of), epoch: kill.epoch },
    withinMs: LOWERED_WITHIN_MS,
  })
  return { report: reportOf(kill, answers), audit: kill.audit }
}

/** What the record says, and what each tool server holds. */
export async function show(deps: KillDeps): Promise<KillView> {
  const levels = await readKill(deps.database)
  const answers = await statusesOf(deps, await serversOf(deps))
  return {
    levels: [...levels.values()].map(({ scope, level, epoch, reason, actor, auto, changedAt }) => ({
      scope,
      level,
      name: KILL_LEVELS[level] ?? 'SHUTDOWN',
      epoch,
      reason,
      actor,
      auto,
      changed_at: changedAt.toISOString(),
    })),
    tools: answers.map((answer) => ({
      name: answer.name,
      level: answer.isReached ? killLevelOf(answer.reply.kill['everything'] ?? 0) : null,
    })),
  }
}

/** A brake that nobody is under would be believed in. Throws INPUT_INVALID. */
async function checkTenant({ database }: KillDeps, scope: string): Promise<void> {
  if (!scope.startsWith('tenant:')) return
  const id = scope.slice('tenant:'.length)
  if ((await findTenant(database, id)) !== undefined) return
  const faults = [{ pointer: '/scope', detail: 'names no tenant of this record' }]
  throw new TerminalError('INPUT_INVALID', `There is no tenant ${id}.`, { faults })
}

const bodyOf = ({ scope, level, reason, actor }: Asked) => ({ scope, level, reason, actor })

const serversOf = async ({ database }: KillDeps): Promise<ServerToAsk[]> =>
  (await listAccounts(database)).map(({ server, url }) => ({ name: server, url }))

const statusesOf = async (
  { openControl }: KillDeps,
  servers: readonly ServerToAsk[],
): Promise<Answered<Awaited<ReturnType<Control['status']>>>[]> =>
  askServers({
    servers,
    openControl,
    ask: async (control) => control.status(),
    withinMs: LOWERED_WITHIN_MS,
  })

/**
 * The highest epoch that a server within reach has. Throws CONFLICT for one with a higher level
 * than the record: that is news, and the operator has to have seen it before it is lowered.
 */
async function highestEpoch(
  deps: KillDeps,
  of: { servers: readonly ServerToAsk[]; scope: string },
): Promise<number> {
  const answers = await statusesOf(deps, of.servers)
  const level = (await readKill(deps.database)).get(of.scope)?.level ?? 0
  const epochs = answers.map((answer) => {
    const epoch = answer.isReached ? (answer.reply.kill[of.scope] ?? 0) : 0
    if (killLevelOf(epoch) <= level) return epoch
    const message =
      `${answer.name} is at level ${killLevelOf(epoch)}, which the record learns just now; ` +
      'look at `chimera kill show`, and lower it then.'
    throw new ConflictError('VERSION_CONFLICT', message)
  })
  return Math.max(0, ...epochs)
}

function reportOf(kill: MovedKill, answers: Awaited<ReturnType<typeof killServers>>): KillReport {
  return {
    scope: kill.scope,
    level: kill.level,
    previous_level: kill.before,
    epoch: kill.epoch,
    acknowledged_at: new Date().toISOString(),
    tools: answers.map(({ error: _error, ...told }) => told),
  }
}

/** Takes the same time for every wrong token; refuses all when there is none to compare with. */
function isTheOperators(given: string | undefined, own: string | undefined): given is string {
  if (given === undefined || own === undefined) return false
  return timingSafeEqual(digest(given), digest(own))
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
