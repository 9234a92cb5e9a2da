import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type Effects = {
  id: string
  tenant_id: string
  goal_id: string
  task_id: string
  attempt: number
  slot: string
  round: number
  effect_key: string
  version_id: string
  state: string
  tool: string
  account: string | null
  mode: string
  args: Json
  args_hash: string
  provenance: Json
  code: string | null
  detail: string | null
  cost_usd_micros: Generated<Digits>
  grant_id: string | null
  grant_jws: string | null
  granted_at: Time | null
  grant_expires_at: Time | null
  boot: string | null
  cancelling: Generated<boolean>
  void_reason: string | null
  void_jws: string | null
  void_boot: string | null
  receipt_state: string | null
  receipt: Json | null
  receipt_jws: string | null
  provider_ref: string | null
  claimed_at: Time | null
  settled_at: Time | null
  created_at: Generated<Time>
  audit_id: string
  adopted_from: string | null
  approvals: Generated<string[]>
}

export type Receipts = {
  id: string
  grant_id: string
  jws: string
  carried_by: string
  created_at: Generated<Time>
  judged_at: Time | null
  verdict: string | null
}
