/** The tables about tool servers (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type ToolAccounts = {
  account: string
  server: string
  url: string
  backend: string
  live: boolean
  boot: string | null
  ledger_id: string | null
  definitions: Generated<Json>
  state: Generated<string>
  reason: string | null
  seen_at: Time | null
  version_id: string
}

export type AccountCooldowns = {
  account: string
  tool: string
  until: Time
  passed: Generated<number>
}

export type ToolBindings = {
  tenant_id: string
  agent_id: string
  tool: string
  account: string
}

export type ToolBoots = {
  boot: string
  account: string
  ledger_id: string
  seq: Digits
  status: Json
  hello: string | null
  registered_at: Generated<Time>
  opened_at: Time | null
}

export type ToolAdoptions = {
  id: string
  account: string
  actor: string
  requested_at: Generated<Time>
  boot: string | null
  jws: string | null
  done_at: Time | null
  refused: string | null
}

export type EffectSettlements = {
  id: string
  effect_id: string
  outcome: string
  provider_ref: string | null
  reason: string
  actor: string
  requested_at: Generated<Time>
  jws: string | null
  boot: string | null
  done_at: Time | null
  refused: string | null
}
