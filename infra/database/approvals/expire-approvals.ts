import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import { inState } from '../in-state.ts'
import type { Database } from '../open-database.ts'
import { findSweptPage, type FoundKey, type SweepPage } from '../sweeps/read-swept.ts'
import { tenantsIn } from '../tenant-database.ts'
import { judgeAgain } from './write-decision.ts'

/**
 * Ends a page of requests whose time is over, by the clock of the database, and has their tasks
 * judged again. Answers the tasks to ring the Judge for, and where the next page begins. Tasks are
 * locked first, as everywhere; one that somebody decides on at this moment is left to the next
 * look.
 */
export async function expireApprovals(
  database: Database,
  of: SweepPage & { actor: string },
): Promise<{
  tasks: { id: string; tenantId: string }[]
  audit: ReturnType<AuditDraft['items']>
  after: FoundKey | null
}> {
  const audit = draftAudit()
  const { found, after } = await findSweptPage(database, { ...of, by: 'approvals_late' })
  if (found.length === 0) return { tasks: [], audit: [], after }
  return database.transaction(async (tx) => {
    const tasks = await tx.query<{ id: string; tenantId: string }>({
      name: 'lock-tasks-of-late-approvals',
      text: `SELECT t.id, t.tenant_id AS "tenantId" FROM tasks t
        WHERE t.id = ANY($1::uuid[]) AND EXISTS (SELECT FROM approvals a
          WHERE a.task_id = t.id AND ${inState('a.state', 'REQUESTED')}
            AND a.expires_at <= now())
        ORDER BY t.id FOR UPDATE SKIP LOCKED`,
      values: [found.map(({ id }) => id)],
    })
    if (tasks.length === 0) return { tasks, audit: [], after }
    const late = await tx.query<{ id: string; tenant_id: string; goal_id: string }>({
      name: 'lock-late-approvals',
      text: `SELECT id, tenant_id, goal_id FROM approvals a
        WHERE task_id = ANY($1::uuid[]) AND ${inState('a.state', 'REQUESTED')}
          AND expires_at <= now()
        ORDER BY id FOR UPDATE`,
      values: [tasks.map(({ id }) => id)],
    })
    await tx.query({
      name: 'expire-approvals',
      text: `UPDATE approvals a SET state = 'EXPIRED', decided_at = now(), version_id = u.fresh,
          audit_id = u.audit_id
        FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS u(id, fresh, audit_id)
        WHERE a.id = u.id AND ${inState('a.state', 'REQUESTED')}`,
      values: [
        late.map(({ id }) => id),
        late.map(() => newId()),
        late.map((row) => audit.idFor(row.tenant_id)),
      ],
    })
    for (const { id, tenant_id: tenantId, goal_id: goalId } of late) {
      audit.add(tenantId, { subject: 'approval', id, from: 'REQUESTED', to: 'EXPIRED' }, goalId)
    }
    for (const { id, tenantId } of tasks) await judgeAgain(tx, { taskId: id, tenantId }, audit)
    await appendAudit(tx, audit, of.actor)
    return { tasks, audit: audit.items(), after }
  }, tenantsIn(found))
}
