import type { Mode } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'
import type { ApprovalSubject } from '@chimera/contracts/judging/approval'
import type { Needs, Vote } from '@chimera/contracts/judging/verdict'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** A request for a person's word as it is written. */
export type ApprovalRow = {
  id: string
  tenantId: string
  goalId: string
  taskId: string
  attempt: number
  agentId: string
  subject: ApprovalSubject
  effectId: string | null
  binding: {
    key: string
    argsHash: string
    account: string | null
    mode: Mode
    definitionHash: string | null
    policyVersion: string
  }
  slot: string | null
  tool: string | null
  args: unknown
  provenance: unknown
  needs: Needs
  asked: readonly Vote[]
  editor: string | null
  costUsdMicros: bigint
  confidence: number
  /** By the clock of the database, from now on. */
  ttlMs: number
}

/** Whoever posted a goal before the record kept that, or through the stream. */
const UNKNOWN_REQUESTER = 'stream'

/**
 * Writes requests inside the caller's transaction; after the rows of their rounds. What was open
 * for the same slot or result before is cancelled: one request at a time.
 */
export async function insertApprovals(
  tx: Sql,
  approvals: readonly ApprovalRow[],
  audit: AuditDraft,
): Promise<void> {
  if (approvals.length === 0) return
  await cancelApprovals(tx, { keys: approvals.map(({ binding }) => binding.key) }, audit)
  await tx.query({
    name: 'insert-approvals',
    text: `INSERT INTO approvals (id, tenant_id, goal_id, task_id, attempt, version_id, subject,
        effect_id, state, effect_key, args_hash, account, mode, definition_hash, policy_version,
        slot, tool, args, provenance, agent_id, requester, editor, needed, not_requester, asked,
        cost_usd_micros, confidence, expires_at, audit_id)
      SELECT u.id, u.tenant_id, u.goal_id, u.task_id, u.attempt, u.version_id, u.subject,
        u.effect_id, 'REQUESTED', u.effect_key, u.args_hash, u.account, u.mode, u.definition_hash,
        u.policy_version, u.slot, u.tool, u.args, u.provenance, u.agent_id,
        coalesce(g.requested_by, '${UNKNOWN_REQUESTER}'), u.editor, u.needed,
        u.not_requester, u.asked, u.cost, u.confidence,
        now() + u.ttl_ms * interval '1 millisecond', u.audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::uuid[],
        $7::text[], $8::uuid[], $9::text[], $10::text[], $11::text[], $12::text[], $13::text[],
        $14::text[], $15::text[], $16::text[], $17::jsonb[], $18::jsonb[], $19::text[],
        $20::int[], $21::bool[], $22::jsonb[], $23::numeric[], $24::float8[], $25::float8[],
        $26::uuid[], $27::text[])
        AS u(id, tenant_id, goal_id, task_id, attempt, version_id, subject, effect_id, effect_key,
          args_hash, account, mode, definition_hash, policy_version, slot, tool, args, provenance,
          agent_id, needed, not_requester, asked, cost, confidence, ttl_ms, audit_id, editor)
      JOIN goals g ON g.tenant_id = u.tenant_id AND g.id = u.goal_id`,
    values: [
      approvals.map(({ id }) => id),
      approvals.map(({ tenantId }) => tenantId),
      approvals.map(({ goalId }) => goalId),
      approvals.map(({ taskId }) => taskId),
      approvals.map(({ attempt }) => attempt),
      approvals.map(() => newId()),
      approvals.map(({ subject }) => subject),
      approvals.map(({ effectId }) => effectId),
      approvals.map(({ binding }) => binding.key),
      approvals.map(({ binding }) => binding.argsHash),
      approvals.map(({ binding }) => binding.account),
      approvals.map(({ binding }) => binding.mode),
      approvals.map(({ binding }) => binding.definitionHash),
      approvals.map(({ binding }) => binding.policyVersion),
      approvals.map(({ slot }) => slot),
      approvals.map(({ tool }) => tool),
      approvals.map(({ args }) => JSON.stringify(args)),
      approvals.map(({ provenance }) => JSON.stringify(provenance)),
      approvals.map(({ agentId }) => agentId),
      approvals.map(({ needs }) => needs.approvers),
      approvals.map(({ needs }) => needs.not_requester),
      approvals.map(({ asked }) => JSON.stringify(asked)),
      approvals.map(({ costUsdMicros }) => costUsdMicros.toString()),
      approvals.map(({ confidence }) => confidence),
      approvals.map(({ ttlMs }) => ttlMs),
      approvals.map(({ tenantId }) => audit.idFor(tenantId)),
      approvals.map(({ editor }) => editor),
    ],
  })
  for (const { tenantId, goalId, id, binding } of approvals) {
    const item = { subject: 'approval', id, from: null, to: 'REQUESTED' } as const
    audit.add(tenantId, { ...item, input: binding.argsHash }, goalId)
  }
}

/** Calls open requests off, of slots or of whole tasks, inside the caller's transaction. */
export async function cancelApprovals(
  tx: Sql,
  of: { keys?: readonly string[]; taskIds?: readonly string[] },
  audit: AuditDraft,
): Promise<void> {
  const { keys = [], taskIds = [] } = of
  if (keys.length + taskIds.length === 0) return
  const open = await tx.query<{ id: string; tenant_id: string; goal_id: string }>({
    name: 'lock-open-approvals',
    text: `SELECT id, tenant_id, goal_id FROM approvals
      WHERE state = 'REQUESTED' AND (effect_key = ANY($1) OR task_id = ANY($2::uuid[]))
      ORDER BY id FOR UPDATE`,
    values: [keys, taskIds],
  })
  if (open.length === 0) return
  await tx.query({
    name: 'cancel-approvals',
    text: `UPDATE approvals a SET state = 'CANCELLED', decided_at = now(),
        version_id = new_version(), audit_id = u.audit_id
      FROM unnest($1::uuid[], $2::uuid[]) AS u(id, audit_id)
      WHERE a.id = u.id AND a.state = 'REQUESTED'`,
    values: [open.map(({ id }) => id), open.map((row) => audit.idFor(row.tenant_id))],
  })
  for (const { id, tenant_id: tenantId, goal_id: goalId } of open) {
    audit.add(tenantId, { subject: 'approval', id, from: 'REQUESTED', to: 'CANCELLED' }, goalId)
  }
}
