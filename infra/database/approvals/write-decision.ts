import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import type { LoadedApproval } from './load-approvals.ts'

type By = {
  /** The person, and the token that the word came with. */
  readonly person: string
  readonly tokenId: string
  readonly reason: string | null
}

/** Adds a person's word; the last one that is needed makes the request APPROVED. */
export async function writeWord(
  tx: Sql,
  approval: Pick<LoadedApproval, 'id' | 'tenantId' | 'goalId'>,
  by: By & { isComplete: boolean },
  audit: AuditDraft,
): Promise<void> {
  await tx.query({
    name: 'write-approval-word',
    text: 'INSERT INTO approval_words (approval_id, approver, token_id) VALUES ($1, $2, $3)',
    values: [approval.id, by.person, by.tokenId],
  })
  if (by.isComplete) return endApproval(tx, approval, { ...by, to: 'APPROVED' }, audit)
  const item = { subject: 'approval', id: approval.id, from: 'REQUESTED', to: 'REQUESTED' } as const
  const note = `approved by ${by.person}; more are needed`
  audit.add(approval.tenantId, { ...item, note }, approval.goalId)
}

/** Ends an open request; the caller holds it. */
export async function endApproval(
  tx: Sql,
  { id, tenantId, goalId }: Pick<LoadedApproval, 'id' | 'tenantId' | 'goalId'>,
  of: By & {
    to: 'APPROVED' | 'REJECTED' | 'EDITED'
    isResponse?: boolean
    supersededBy?: string
  },
  audit: AuditDraft,
): Promise<void> {
  await tx.query({
    name: 'end-approval',
    text: `UPDATE approvals SET state = $2, version_id = $3, decided_at = now(), decided_by = $4,
        reason = $5, is_response = $6, superseded_by = $7, audit_id = $8
      WHERE id = $1`,
    values: [
      id,
      of.to,
      newId(),
      of.person,
      of.reason,
      of.isResponse ?? false,
      of.supersededBy ?? null,
      audit.idFor(tenantId),
    ],
  })
  const note = of.isResponse === true ? 'responded' : of.supersededBy
  const item = { subject: 'approval', id, from: 'REQUESTED', to: of.to } as const
  audit.add(tenantId, { ...item, ...(note === undefined ? {} : { note }) }, goalId)
}

/** Takes an approval back that has been given. */
export async function withdrawApproval(
  tx: Sql,
  { id, tenantId, goalId }: LoadedApproval,
  by: By,
  audit: AuditDraft,
): Promise<void> {
  await tx.query({
    name: 'withdraw-approval',
    text: `UPDATE approvals SET withdrawn_at = now(), withdrawn_by = $2, reason = $3,
        version_id = $4, audit_id = $5
      WHERE id = $1`,
    values: [id, by.person, by.reason, newId(), audit.idFor(tenantId)],
  })
  audit.add(tenantId, { subject: 'approval', id, from: 'APPROVED', to: 'WITHDRAWN' }, goalId)
}

/** Starts the end of a granted round that a person does not want any more. */
export async function startVoid(
  tx: Sql,
  of: { effectId: string; tenantId: string; goalId: string },
  audit: AuditDraft,
): Promise<void> {
  await tx.query({
    name: 'start-void',
    text: `UPDATE effects SET cancelling = true, void_reason = 'rejected', version_id = $2,
        audit_id = $3
      WHERE id = $1 AND state = 'GRANTED'`,
    values: [of.effectId, newId(), audit.idFor(of.tenantId)],
  })
  const item = { subject: 'effect', id: of.effectId, from: 'GRANTED', to: 'CANCELLING' } as const
  audit.add(of.tenantId, { ...item, note: 'rejected' }, of.goalId)
}

/**
 * Puts other arguments in the place of those that were asked about: the same round, a new request
 * for the same people, with as much time as the first one had.
 */
export async function writeEdit(
  tx: Sql,
  approval: LoadedApproval,
  of: {
    newApprovalId: string
    effectId: string
    args: unknown
    argsHash: string
    provenance: unknown
    costUsdMicros: bigint
    person: string
  },
  audit: AuditDraft,
): Promise<void> {
  const auditId = audit.idFor(approval.tenantId)
  await tx.query({
    name: 'edit-approval',
    text: `INSERT INTO approvals (id, tenant_id, goal_id, task_id, attempt, version_id, subject,
        effect_id, state, effect_key, args_hash, account, mode, definition_hash, policy_version,
        slot, tool, args, provenance, agent_id, requester, editor, needed, not_requester, asked,
        cost_usd_micros, confidence, expires_at, audit_id)
      SELECT $2, tenant_id, goal_id, task_id, attempt, $3, subject, effect_id, 'REQUESTED',
        effect_key, $4, account, mode, definition_hash, policy_version, slot, tool, $5, $6,
        agent_id, requester, $7, needed, not_requester, asked, $8, confidence,
        now() + (expires_at - requested_at), $9
      FROM approvals WHERE id = $1`,
    values: [
      approval.id,
      of.newApprovalId,
      newId(),
      of.argsHash,
      JSON.stringify(of.args),
      JSON.stringify(of.provenance),
      of.person,
      of.costUsdMicros.toString(),
      auditId,
    ],
  })
  await tx.query({
    name: 'edit-round',
    text: `UPDATE effects SET state = 'PROPOSED', args = $2, args_hash = $3, provenance = $4,
        cost_usd_micros = $5, version_id = $6, audit_id = $7
      WHERE id = $1 AND state IN ('PROPOSED', 'AWAITING_APPROVAL')`,
    values: [
      of.effectId,
      JSON.stringify(of.args),
      of.argsHash,
      JSON.stringify(of.provenance),
      of.costUsdMicros.toString(),
      newId(),
      auditId,
    ],
  })
  const { tenantId, goalId } = approval
  const asked = { subject: 'approval', id: of.newApprovalId, from: null, to: 'REQUESTED' } as const
  const note = `edited by ${of.person}`
  audit.add(tenantId, { ...asked, input: of.argsHash, note }, goalId)
  const back = { from: 'AWAITING_APPROVAL', to: 'PROPOSED', input: of.argsHash }
  audit.add(tenantId, { subject: 'effect', id: of.effectId, ...back }, goalId)
}

/** Has a task judged again; the caller holds it and rings after the commit. */
export async function judgeAgain(
  tx: Sql,
  of: { taskId: string; tenantId: string },
  audit: AuditDraft,
): Promise<void> {
  const [moved] = await tx.query<{ goal_id: string }>({
    name: 'judge-again',
    text: `UPDATE tasks SET phase = 'judging', run_at = NULL, waiting_on = NULL, version_id = $2,
        audit_id = $3
      WHERE id = $1 AND phase = 'awaiting_approval' RETURNING goal_id`,
    values: [of.taskId, newId(), audit.idFor(of.tenantId)],
  })
  if (moved === undefined) return
  const item = { subject: 'task', id: of.taskId, from: 'awaiting_approval', to: 'judging' } as const
  audit.add(of.tenantId, item, moved.goal_id)
}
