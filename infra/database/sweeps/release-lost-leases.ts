import type { TaskType } from '@chimera/contracts/agent-task'
import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import { moveTasks, type ReadyTask } from '../judging/move-tasks.ts'
import type { Database, Sql } from '../open-database.ts'
import { IS_RUNNING } from '../tasks/audited-moves.ts'
import { tenantsIn } from '../tenant-database.ts'
import { findSweptPage, type FoundKey, type SweepPage, type SweptKey } from './read-swept.ts'

type Lost = {
  id: string
  tenant_id: string
  goal_id: string
  type: TaskType
  version_id: string
  attempt: number
  leases_lost: number
  owner: string
}

/**
 * Takes back a page of tasks whose lease ran out by the database clock: `IN_PROGRESS ->
 * PENDING/ready`, or `FAILED/dead` at the last time, with what depends on it. Returns the keys that
 * wait for their doorbell now, what to show on the feed, and where the next page begins. The
 * attempt is not given back, and what its Worker may still commit finds another version.
 */
export async function releaseLostLeases(
  database: Database,
  of: SweepPage & { actor: string; maxLeasesLost: number },
): Promise<{
  ready: SweptKey[]
  dead: string[]
  audit: ReturnType<AuditDraft['items']>
  after: FoundKey | null
}> {
  const { found, after } = await findSweptPage(database, { ...of, by: 'leases_lost' })
  if (found.length === 0) return { ready: [], dead: [], audit: [], after }
  return database.transaction(async (tx) => {
    const draft = draftAudit()
    const lost = await release(tx, draft, found)
    const isDead = (task: Lost) => task.leases_lost >= of.maxLeasesLost
    const freed = await bury(tx, draft, lost.filter(isDead))
    await appendAudit(tx, draft, of.actor)
    const alive = lost.filter((task) => !isDead(task))
    return {
      ready: [
        ...alive.map(({ id, tenant_id: tenantId }) => ({ id, tenantId })),
        ...freed.map(({ taskId, tenantId }) => ({ id: taskId, tenantId })),
      ],
      dead: lost.filter(isDead).map((task) => task.id),
      audit: draft.items(),
      after,
    }
  }, tenantsIn(found))
}

async function release(tx: Sql, draft: AuditDraft, found: readonly SweptKey[]): Promise<Lost[]> {
  // Rows that another session holds are moving already; the next sweep sees what became of them.
  const expired = await tx.query<{ id: string; tenant_id: string; owner: string }>({
    name: 'lost-leases',
    text: `SELECT id, tenant_id, lease_owner AS owner FROM tasks t
      WHERE id = ANY($1::uuid[]) AND ${IS_RUNNING} AND lease_until < now()
      ORDER BY lease_until FOR UPDATE SKIP LOCKED`,
    values: [found.map(({ id }) => id)],
  })
  if (expired.length === 0) return []
  const rows = await tx.query<Lost>({
    name: 'release-lost-leases',
    text: `UPDATE tasks t SET status = 'PENDING', phase = 'ready', version_id = u.fresh,
        lease_owner = NULL, lease_until = NULL, run_at = NULL, ready_at = now(),
        leases_lost = t.leases_lost + 1, audit_id = u.audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[]) AS u(id, fresh, audit_id, owner)
      WHERE t.id = u.id
      RETURNING t.id, t.tenant_id, t.goal_id, t.type, t.version_id, t.attempt, t.leases_lost,
        u.owner`,
    values: [
      expired.map((task) => task.id),
      expired.map(() => newId()),
      expired.map((task) => draft.idFor(task.tenant_id)),
      expired.map((task) => task.owner),
    ],
  })
  for (const task of rows) {
    const item = {
      subject: 'task' as const,
      id: task.id,
      attempt: task.attempt,
      from: 'running',
      to: 'ready',
      note: `lease of ${task.owner} ran out`,
    }
    draft.add(task.tenant_id, item, task.goal_id)
  }
  return rows
}

/** Ends tasks for good, with their descendants and their goals' counters. */
async function bury(tx: Sql, draft: AuditDraft, tasks: readonly Lost[]): Promise<ReadyTask[]> {
  const { ready } = await moveTasks(
    tx,
    tasks.map((task) => ({
      taskId: task.id,
      tenantId: task.tenant_id,
      goalId: task.goal_id,
      versionId: task.version_id,
      from: 'ready',
      to: 'dead',
      attempt: task.attempt,
      delayMs: null,
      waitingOn: null,
      waitsFor: null,
      failure: {
        code: 'ATTEMPTS_EXHAUSTED',
        message: `The lease ran out ${task.leases_lost} times: its workers died or hung.`,
      },
      feedback: null,
      isRejection: false,
      confidence: null,
      verdict: null,
    })),
    draft,
  )
  return ready
}
