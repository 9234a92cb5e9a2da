import { newId } from '@chimera/contracts/ids'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import { inState } from '../in-state.ts'
import type { Database } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'
import { findSweptPage, type FoundKey, type SweepPage } from './read-swept.ts'

/** An effect that the Judge is to look at, because its grant is to end. */
export type EndingEffect = { id: string; tenantId: string }

type DeadGrant = EndingEffect & {
  goalId: string
  round: number
  reason: 'expired' | 'boot_changed'
}

/**
 * Asks for the end of grants that can claim no more: those that ran out by the database clock, and
 * those made for an earlier boot than the account's, so that a killed tool server costs seconds and
 * not a grant's minute. The effect stays GRANTED and shows `cancelling` until the ledger has
 * answered; the clock only triggers the question (design.md section 5 item 6). At most `limit` at
 * once.
 */
export async function endDeadGrants(
  database: Database,
  of: SweepPage & { actor: string },
): Promise<{
  effects: EndingEffect[]
  audit: ReturnType<AuditDraft['items']>
  after: FoundKey | null
}> {
  const { found, after } = await findSweptPage(database, { ...of, by: 'grants_dead' })
  if (found.length === 0) return { effects: [], audit: [], after }
  return database.transaction(async (tx) => {
    const draft = draftAudit()
    const dead = await tx.query<DeadGrant>({
      name: 'dead-grants',
      text: `SELECT e.id, e.tenant_id AS "tenantId",
          e.goal_id AS "goalId", e.round,
          CASE WHEN e.boot IS DISTINCT FROM a.boot THEN 'boot_changed' ELSE 'expired' END AS reason
        FROM effects e JOIN tool_accounts a ON a.account = e.account
        WHERE e.id = ANY($1::uuid[]) AND ${inState('e.state', 'GRANTED')} AND NOT e.cancelling
          AND (e.grant_expires_at < now() OR e.boot IS DISTINCT FROM a.boot)
        ORDER BY e.grant_expires_at, e.id FOR UPDATE OF e SKIP LOCKED`,
      values: [found.map(({ id }) => id)],
    })
    if (dead.length === 0) return { effects: [], audit: [], after }
    await tx.query({
      name: 'end-dead-grants',
      text: `UPDATE effects e SET cancelling = true, void_reason = u.reason, version_id = u.fresh,
          audit_id = u.audit_id
        FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[])
          AS u(id, fresh, reason, audit_id)
        WHERE e.id = u.id`,
      values: [
        dead.map((effect) => effect.id),
        dead.map(() => newId()),
        dead.map((effect) => effect.reason),
        dead.map((effect) => draft.idFor(effect.tenantId)),
      ],
    })
    for (const { id, tenantId, goalId, round, reason } of dead) {
      const item = {
        subject: 'effect' as const,
        id,
        attempt: round,
        from: 'GRANTED',
        to: 'CANCELLING',
        note: reason,
      }
      draft.add(tenantId, item, goalId)
    }
    await appendAudit(tx, draft, of.actor)
    return { effects: dead, audit: draft.items(), after }
  }, tenantsIn(found))
}
