import { ToolArguments } from '@chimera/contracts/effect'
import type { Mode } from '@chimera/contracts/goal'
import type {
  ApprovalState,
  ApprovalSubject,
  ApprovalView,
} from '@chimera/contracts/judging/approval'
import { Pointer } from '@chimera/contracts/judging/provenance'
import { Vote } from '@chimera/contracts/judging/verdict'
import { isToolName, TOOLS } from '@chimera/contracts/tools'
import { z } from 'zod'

import { isoTime } from '../views/iso-time.ts'

export type ApprovalViewRow = {
  id: string
  subject: ApprovalSubject
  state: ApprovalState
  goal_id: string
  task_id: string
  effect_id: string | null
  effect_key: string
  args_hash: string
  account: string | null
  mode: Mode
  definition_hash: string | null
  policy_version: string
  slot: string | null
  tool: string | null
  args: unknown
  provenance: unknown
  requester: string
  editor: string | null
  needed: number
  not_requester: boolean
  approvers: unknown
  asked: unknown
  cost_usd_micros: string
  confidence: number
  precedent: unknown
  requested_at: Date
  expires_at: Date
  decided_at: Date | null
  decided_by: string | null
  reason: string | null
  withdrawn_at: Date | null
  superseded_by: string | null
}

/** The precedent: what was approved last for this agent and tool, before this. */
export const APPROVAL_COLUMNS = `a.id, a.subject, a.state, a.goal_id, a.task_id, a.effect_id,
  a.effect_key, a.args_hash, a.account, a.mode, a.definition_hash, a.policy_version, a.slot, a.tool,
  a.args, a.provenance, a.requester, a.editor, a.needed, a.not_requester,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('approver', w.approver, 'at', w.said_at)
    ORDER BY w.said_at, w.approver), '[]') FROM approval_words w WHERE w.approval_id = a.id)
    AS approvers,
  a.asked, a.cost_usd_micros, a.confidence,
  (SELECT p.args FROM approvals p WHERE p.tenant_id = a.tenant_id AND p.agent_id = a.agent_id
    AND p.tool = a.tool AND p.state = 'APPROVED' AND p.withdrawn_at IS NULL
    AND p.decided_at <= coalesce(a.decided_at, now()) AND p.id <> a.id
    ORDER BY p.decided_at DESC LIMIT 1) AS precedent,
  a.requested_at, a.expires_at, a.decided_at, a.decided_by, a.reason, a.withdrawn_at,
  a.superseded_by`

const Approvers = z.array(z.strictObject({ approver: z.string(), at: z.string() }))

export function approvalViewOf(row: ApprovalViewRow): ApprovalView {
  const args = ToolArguments.parse(row.args)
  const asked = z.array(Vote).parse(row.asked)
  const precedent = ToolArguments.safeParse(row.precedent)
  const money = row.tool !== null && isToolName(row.tool) && TOOLS[row.tool].money
  return {
    id: row.id,
    subject: row.subject,
    state: row.state,
    goal_id: row.goal_id,
    task_id: row.task_id,
    effect_id: row.effect_id,
    bound_to: {
      effect_key: row.subject === 'effect' ? row.effect_key : null,
      args_hash: row.args_hash,
      account: row.account,
      mode: row.mode,
      definition_hash: row.definition_hash,
      policy_version: row.policy_version,
    },
    slot: row.slot,
    tool: row.tool,
    args,
    provenance: z.record(z.string(), Pointer).parse(row.provenance),
    requester: row.requester,
    editor: row.editor,
    needed: row.needed,
    not_requester: row.not_requester,
    approvers: Approvers.parse(row.approvers).map(({ approver, at }) => ({
      approver,
      at: new Date(at).toISOString(),
    })),
    asked_by: asked,
    risk: {
      level: riskOf({ money, asked }),
      money,
      cost_usd_micros: row.cost_usd_micros,
      confidence: row.confidence,
    },
    diff: precedent.success ? diffOf(precedent.data, args) : null,
    requested_at: row.requested_at.toISOString(),
    expires_at: row.expires_at.toISOString(),
    decided_at: isoTime(row.decided_at),
    decided_by: row.decided_by,
    reason: row.reason,
    withdrawn_at: isoTime(row.withdrawn_at),
    superseded_by: row.superseded_by,
  }
}

function riskOf(of: { money: boolean; asked: readonly Vote[] }): ApprovalView['risk']['level'] {
  const isStrange = of.asked.some(({ gate }) => gate === 'provenance')
  if (of.money || isStrange) return 'high'
  return of.asked.every(({ gate }) => gate === 'confidence') ? 'low' : 'medium'
}

/** Every argument that is not what it was, by name. */
function diffOf(was: ToolArguments, now: ToolArguments): NonNullable<ApprovalView['diff']> {
  const names = [...new Set([...Object.keys(was), ...Object.keys(now)])].toSorted()
  return names.flatMap((argument) => {
    if (JSON.stringify(was[argument]) === JSON.stringify(now[argument])) return []
    return [
      {
        argument,
        ...(Object.hasOwn(was, argument) ? { was: was[argument] } : {}),
        ...(Object.hasOwn(now, argument) ? { now: now[argument] } : {}),
      },
    ]
  })
}
