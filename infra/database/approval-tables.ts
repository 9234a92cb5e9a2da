/** The tables about people's words (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type Approvals = {
  id: string
  n: Digits
  tenant_id: string
  goal_id: string
  task_id: string
  attempt: number
  version_id: string
  subject: string
  effect_id: string | null
  state: string
  effect_key: string
  args_hash: string
  account: string | null
  mode: string
  definition_hash: string | null
  policy_version: string
  slot: string | null
  tool: string | null
  args: Json
  provenance: Json
  agent_id: string
  requester: string
  editor: string | null
  needed: number
  not_requester: boolean
  asked: Json
  cost_usd_micros: Digits
  confidence: number
  requested_at: Generated<Time>
  expires_at: Time
  decided_at: Time | null
  decided_by: string | null
  reason: string | null
  is_response: Generated<boolean>
  withdrawn_at: Time | null
  withdrawn_by: string | null
  superseded_by: string | null
  audit_id: string
}

export type ApprovalWords = {
  approval_id: string
  approver: string
  token_id: string
  said_at: Generated<Time>
}
