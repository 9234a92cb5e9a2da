/** The tables of the router of models, for `tables.ts`. */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type ModelCircuits = {
  id: string
  name: string
  provider: string
  label: string
  model: string
  tier: Json | null
  state: Generated<string>
  failures: Generated<number>
  successes: Generated<number>
  open_until: Time | null
  cool_until: Time | null
  probe: string | null
  probe_until: Time | null
  reason: string | null
  actor: Generated<string>
  changed_at: Generated<Time>
  seen_at: Generated<Time>
}

export type ProviderMetrics = {
  circuit: string
  hour: Time
  name: string
  total: Generated<Digits>
  ok: Generated<Digits>
  failed: Generated<Digits>
  latency_ms: Generated<Digits>
  input_tokens: Generated<Digits>
  output_tokens: Generated<Digits>
  usd_micros: Generated<Digits>
  last_error: string | null
  last_error_at: Time | null
  updated_at: Generated<Time>
}

export type Opinions = {
  tenant_id: string
  task_id: string
  attempt: number
  asked: Generated<number>
  asked_until: Time
  answer: Json | null
  answered_at: Time | null
  audit_id: string
}
