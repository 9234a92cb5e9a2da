/** The tables about tenants and those who act in them (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Time } from './column-types.ts'

export type Tenants = {
  id: string
  name: string
  created_at: Generated<Time>
  version_id: Generated<string>
  status: Generated<string>
  policy_version: Generated<number>
}

export type Users = {
  tenant_id: string
  id: string
  version_id: string
  email: string
  roles: string[]
  status: Generated<string>
  created_at: Generated<Time>
  audit_id: string
}

export type Agents = {
  tenant_id: string
  id: string
  version_id: string
  soul_ref: string | null
  wallet_address: string | null
  status: Generated<string>
  created_at: Generated<Time>
  audit_id: string
}

export type Campaigns = {
  tenant_id: string
  id: string
  version_id: string
  agent_id: string
  owner_user_id: string | null
  goal_text: Generated<string>
  daily_budget_usd_micros: Digits | null
  status: Generated<string>
  created_at: Generated<Time>
  audit_id: string
}

export type ApiTokens = {
  id: string
  tenant_id: string
  name: string
  hash: string
  scopes: string[]
  created_at: Generated<Time>
  expires_at: Time | null
  last_used_at: Time | null
  revoked_at: Time | null
  user_id: string | null
  roles: Generated<string[]>
}
