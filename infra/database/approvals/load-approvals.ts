import { ToolArguments } from '@chimera/contracts/effect'
import { InvariantError } from '@chimera/contracts/errors'
import type { Mode } from '@chimera/contracts/goal'
import type { ApprovalState, ApprovalSubject } from '@chimera/contracts/judging/approval'
import { Pointer } from '@chimera/contracts/judging/provenance'
import { Vote } from '@chimera/contracts/judging/verdict'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'
import { MAY_STILL } from './may-still.ts'

/** A request and the words on it; the shape of `domain/judging/approvals` Approval. */
export type LoadedApproval = {
  id: string
  versionId: string
  tenantId: string
  goalId: string
  taskId: string
  subject: ApprovalSubject
  effectId: string | null
  state: ApprovalState
  key: string
  argsHash: string
  account: string | null
  mode: Mode
  definitionHash: string | null
  policyVersion: string
  tool: string | null
  args: ToolArguments
  provenance: Record<string, Pointer>
  requester: string
  editor: string | null
  needs: { approvers: number; not_requester: boolean }
  asked: Vote[]
  leftMs: number
  expiresAt: number
  isWithdrawn: boolean
  isResponse: boolean
  reason: string | null
  supersededBy: string | null
  approvers: { approver: string; mayStill: boolean }[]
}

type Row = {
  id: string
  version_id: string
  tenant_id: string
  goal_id: string
  task_id: string
  subject: ApprovalSubject
  effect_id: string | null
  state: ApprovalState
  effect_key: string
  args_hash: string
  account: string | null
  mode: Mode
  definition_hash: string | null
  policy_version: string
  tool: string | null
  args: unknown
  provenance: unknown
  requester: string
  editor: string | null
  needed: number
  not_requester: boolean
  asked: unknown
  left_ms: number
  expires_at: number
  is_withdrawn: boolean
  is_response: boolean
  reason: string | null
  superseded_by: string | null
  approvers: unknown
}

const Provenance = z.record(z.string(), Pointer)
const Votes = z.array(Vote)
const Approvers = z.array(z.strictObject({ approver: z.string(), mayStill: z.boolean() }))

const SELECT = `SELECT a.id, a.version_id, a.tenant_id, a.goal_id, a.task_id, a.subject,
    a.effect_id, a.state, a.effect_key, a.args_hash, a.account, a.mode, a.definition_hash,
    a.policy_version, a.tool, a.args, a.provenance, a.requester, a.editor, a.needed,
    a.not_requester, a.asked, (extract(epoch FROM a.expires_at - now()) * 1000)::float8 AS left_ms,
    extract(epoch FROM a.expires_at)::float8 AS expires_at,
    a.withdrawn_at IS NOT NULL AS is_withdrawn, a.is_response, a.reason, a.superseded_by,
    (SELECT coalesce(jsonb_agg(jsonb_build_object('approver', w.approver,
        'mayStill', ${MAY_STILL}) ORDER BY w.said_at, w.approver), '[]')
      FROM approval_words w JOIN api_tokens k ON k.id = w.token_id
      WHERE w.approval_id = a.id) AS approvers
  FROM approvals a`

/** Slots of one goal with their edits: more than anybody reviews. */
const MAX_APPROVALS = 10_000

/** Reads what people were asked and said about some goals, in the order of asking. */
export async function loadApprovals(
  sql: Sql,
  goals: readonly { tenantId: string; goalId: string }[],
): Promise<LoadedApproval[]> {
  if (goals.length === 0) return []
  const rows = await sql.query<Row>({
    name: 'load-approvals',
    text: `${SELECT}
      JOIN (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS g(tenant_id, goal_id)
        USING (tenant_id, goal_id)
      ORDER BY a.n LIMIT ${MAX_APPROVALS}`,
    values: [goals.map(({ tenantId }) => tenantId), goals.map(({ goalId }) => goalId)],
  })
  return rows.map(approvalOf)
}

/** One request that is known to be there. */
export async function readApproval(sql: Sql, id: string): Promise<LoadedApproval> {
  const [row] = await sql.query<Row>({
    name: 'read-approval',
    text: `${SELECT} WHERE a.id = $1`,
    values: [id],
  })
  if (row === undefined) throw new InvariantError(`Approval ${id} is gone.`)
  return approvalOf(row)
}

function approvalOf(row: Row): LoadedApproval {
  return {
    id: row.id,
    versionId: row.version_id,
    tenantId: row.tenant_id,
    goalId: row.goal_id,
    taskId: row.task_id,
    subject: row.subject,
    effectId: row.effect_id,
    state: row.state,
    key: row.effect_key,
    argsHash: row.args_hash,
    account: row.account,
    mode: row.mode,
    definitionHash: row.definition_hash,
    policyVersion: row.policy_version,
    tool: row.tool,
    args: ToolArguments.parse(row.args),
    provenance: Provenance.parse(row.provenance),
    requester: row.requester,
    editor: row.editor,
    needs: { approvers: row.needed, not_requester: row.not_requester },
    asked: Votes.parse(row.asked),
    leftMs: row.left_ms,
    expiresAt: row.expires_at,
    isWithdrawn: row.is_withdrawn,
    isResponse: row.is_response,
    reason: row.reason,
    supersededBy: row.superseded_by,
    approvers: Approvers.parse(row.approvers),
  }
}
