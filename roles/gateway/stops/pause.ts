import { fenceScope, type PausableKind } from '@chimera/contracts/tenancy/fence-scope'
import type { PauseReport, ResumedReport } from '@chimera/contracts/tenancy/pauses'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import { raiseEpoch } from '@chimera/infra/database/fences/raise-epoch'
import { pauseGoal, resumeGoal } from '@chimera/infra/database/goals/pause-goal'
import type { Sql } from '@chimera/infra/database/open-database'
import { setStanding } from '@chimera/infra/database/tenancy/set-standing'
import { bringFence } from '@chimera/infra/tools/bring-fence'

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
  const audit = draftAudit()
  const scope = fenceScope(kind, { tenant: of.tenantId, id })
  const fence = await deps.database.transaction(async (tx) => {
    const raised = await raiseEpoch(tx, { scope, actor, reason: `the ${kind} was paused` })
    await move(tx, of, audit)
    await appendAudit(tx, audit, actor)
    return raised
  })
  const told = await bringFence({ ...deps, fence, withinMs: FENCED_WITHIN_MS })
  return { report: { id, status: 'PAUSED', ...told }, audit }
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
