/** The tables about policies (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type Policies = {
  tenant_id: string
  version: number
  source: string
  document: Json
  hash: string
  note: string | null
  actor: string
  created_at: Generated<Time>
  audit_id: string
}

export type PolicyDecisions = {
  effect_id: string
  tenant_id: string
  policy: string
  version: number
  decision: string
  code: string
  rules: string[]
  request: Json
  asset: string | null
  amount: Digits | null
  usd_micros: Digits | null
  recipient: string | null
  created_at: Generated<Time>
}

export type AssetPrices = {
  tenant_id: string
  asset: string
  taken_at: Time
  decimals: number
  usd_micros: Digits
  source: string
  actor: string
  created_at: Generated<Time>
}
