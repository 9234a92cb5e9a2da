import { fenceScope, type PausableKind } from '@chimera/contracts/tenancy/fence-scope'
import type { PauseReport, ResumedReport } from '@chimera/contracts/tenancy/pauses'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import { raiseEpoch } from '@chimera/infra/database/fences/raise-epoch'
import { pauseGoal, resumeGoal } from '@chimera/infra/database/goals/pause-goal'
import type { Sql } from '@chimera/infra/database/open-database'
import { setStanding } from '@chimera/infra/database/tenancy/set-standing'
import { listAccounts } from '@chimera/infra/database/tools/list-accounts'
import { fenceServers } from '@chimera/infra/tools/fence-servers'

import type { StopDeps } from './stop.ts'

export type PauseAsked = Readonly<{
  kind: PausableKind
  id: string
  tenantId: string
  actor: string
  reason?: string | undefined
}>

/** A server that takes longer is unreachable; the Keeper brings it the fence as well. */
const FENCED_WITHIN_MS = 150

/**
 * Pauses: the row and its fence's epoch in one transaction, so that nothing more is granted or
 * claimed for it; then the epoch at every tool server, durable there, so that what was granted
 * before never claims; then the answer. It is no stop: a resume needs nothing of the tool servers,
 * and neither ends the other.
 */
export async function pauseScope(
  deps: StopDeps,
  of: PauseAsked,
): Promise<{ report: PauseReport; audit: AuditDraft }> {
  const { kind, id, actor } = of
  const accounts = await listAccounts(deps.database)
  const audit = draftAudit()
  const scope = fenceScope(kind, { tenant: of.tenantId, id })
  const fence = await deps.database.transaction(async (tx) => {
    const raised = await raiseEpoch(tx, { scope, actor, reason: `the ${kind} was paused` })
    await move(tx, of, audit)
    await appendAudit(tx, audit, actor)
    return raised
  })
  const answers = await fenceServers({
    ...deps,
    servers: accounts.map(({ server, url }) => ({ name: server, url })),
    fence: { scope, epoch: fence.epoch, stopped: fence.stopped },
    withinMs: FENCED_WITHIN_MS,
  })
  const tools = answers.map((answer) => ({
    name: answer.name,
    result: answer.isFenced ? ('fenced' as const) : ('unreachable' as const),
    in_flight: answer.isFenced ? [...answer.inFlight] : [],
  }))
  const acknowledged_at = new Date().toISOString()
  const { epoch } = fence
  return { report: { id, status: 'PAUSED', epoch, acknowledged_at, tools }, audit }
}

async function move(tx: Sql, of: PauseAsked, audit: AuditDraft): Promise<void> {
  const { kind, id, tenantId, reason } = of
  if (kind === 'goal') await pauseGoal(tx, { tenantId, goalId: id, reason }, audit)
  else await setStanding(tx, { kind, tenantId, id, to: 'PAUSED', reason }, audit)
}

/** Lets it go on: what was granted before the pause was voided, and is judged again. */
export async function resumePaused(
  { database }: Pick<StopDeps, 'database'>,
  of: PauseAsked,
): Promise<{ report: ResumedReport; audit: AuditDraft }> {
  const { kind, id, tenantId, reason } = of
  const audit = draftAudit()
  const status = await database.transaction(async (tx) => {
    const now: ResumedReport['status'] =
      kind === 'goal'
        ? await resumeGoal(tx, { tenantId, goalId: id, reason }, audit)
        : await setStanding(tx, { kind, tenantId, id, to: 'ACTIVE', reason }, audit)
    await appendAudit(tx, audit, of.actor)
    return now
  })
  return { report: { id, status }, audit }
}
