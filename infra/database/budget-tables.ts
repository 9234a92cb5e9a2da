/** The tables of budgets, for `tables.ts`. */
import type { Generated } from 'kysely'

import type { Day, Digits, Time } from './column-types.ts'

export type Budgets = {
  tenant_id: string
  scope: string
  scope_id: string
  asset: string
  day: Day
  cap: Digits | null
  reserved: Generated<Digits>
  spent: Generated<Digits>
  mode: string
  carried: Generated<Digits>
  warned_at: Time | null
  exhausted_at: Time | null
}

export type BudgetReservations = {
  effect_id: string | null
  tenant_id: string
  scope: string
  scope_id: string
  asset: string
  day: Day
  amount: Digits
  settled: Digits | null
  spend_id: string | null
  holder_id: string
  mode: string
}

export type BudgetDefaults = {
  scope: string
  mode: string
  asset: string
  per: string
  cap: Digits
}

export type BudgetCaps = {
  tenant_id: string
  scope: string
  scope_id: string
  mode: string
  asset: string
  per: string
  cap: Digits | null
  version_id: string
  changed_at: Generated<Time>
  audit_id: string
}

export type ModelSpends = {
  id: string
  tenant_id: string
  goal_id: string | null
  agent_id: string
  campaign_id: string | null
  model: string
  usd_micros: Digits
  tokens: Digits
  lease_until: Time
  created_at: Generated<Time>
  settled_at: Time | null
  ended: string | null
}
