/**
 * The record's tables for kysely, by hand: the columns as PostgreSQL gives and takes them. A test
 * compares every line with the catalog; the words below say what a column's type becomes.
 */
import type { Generated } from 'kysely'

import type { ApprovalWords, Approvals } from './approval-tables.ts'
import type {
  BudgetCaps,
  BudgetDefaults,
  BudgetReservations,
  Budgets,
  ModelSpends,
} from './budget-tables.ts'
import type { Digits, Json, Time } from './column-types.ts'
import type { Effects, Receipts } from './effect-tables.ts'
import type { HouseVersions, Personas, RegistryEntries } from './house-tables.ts'
import type { Memories, MemoryLabels, MemoryOutbox, MemoryShelves } from './memory-tables.ts'
import type { ModelCircuits, Opinions, ProviderMetrics } from './model-tables.ts'
import type { AssetPrices, Policies, PolicyDecisions } from './policy-tables.ts'
import type { Agents, ApiTokens, Campaigns, Tenants, Users } from './tenancy-tables.ts'
import type {
  AccountCooldowns,
  EffectSettlements,
  ToolAccounts,
  ToolAdoptions,
  ToolBindings,
  ToolBoots,
} from './tool-tables.ts'

type RecordIncarnation = {
  is_only: Generated<boolean>
  incarnation: Generated<string>
  since: Generated<Time>
}

type StreamMarker = {
  is_only: Generated<boolean>
  marker: string
  set_at: Generated<Time>
}

type AuditEntries = {
  id: string
  tenant_id: string
  actor: string
  items: Json
  created_at: Generated<Time>
}

type Goals = {
  tenant_id: string
  id: string
  version_id: string
  status: string
  paused_from: string | null
  mode: string
  agent_id: string
  campaign_id: string | null
  source: string
  trust: string
  content: Json
  content_hash: string
  plan_hash: string | null
  waiting_on: Json | null
  failure: Json | null
  tasks_total: Generated<number>
  tasks_open: Generated<number>
  tasks_failed: Generated<number>
  lease_owner: string | null
  lease_until: Time | null
  received_at: Generated<Time>
  planned_at: Time | null
  finished_at: Time | null
  audit_id: string
  requested_by: string | null
  plan: Generated<number>
  planner: string | null
  replan_cause: Json | null
  replan_at: Time | null
  replan_allowed_by: string | null
}

type GoalReplans = {
  tenant_id: string
  goal_id: string
  plan: number
  shape: string
  failures: Json
  tasks_completed: number
  cost_usd_micros: Digits
  ended_at: Generated<Time>
}

type Slots = {
  tenant_id: string
  goal_id: string
  slot: string
  tool: string
  max_effects: Generated<number>
}

type Tasks = {
  id: string
  tenant_id: string
  goal_id: string
  version_id: string
  type: string
  kind: string
  status: string
  phase: string
  attempt: Generated<number>
  max_attempts: Generated<number>
  rejections: Generated<number>
  retries: Generated<number>
  leases_lost: Generated<number>
  parents_open: Generated<number>
  run_at: Time | null
  lease_owner: string | null
  lease_until: Time | null
  confidence: number | null
  waiting_on: Json | null
  feedback: string | null
  failure: Json | null
  verdict: Json | null
  planned_at: Generated<Time>
  ready_at: Time | null
  claimed_at: Time | null
  result_at: Time | null
  judged_at: Time | null
  audit_id: string
  waits_for: string | null
  plan: Generated<number>
  turn: Time | null
  turn_agent: string | null
}

type TaskPayloads = {
  task_id: string
  payload: Json
  constraints: Json
}

type TaskDependencies = {
  parent_id: string
  child_id: string
}

type TaskResults = {
  task_id: string
  attempt: number
  worker: string
  outcome: Json
  created_at: Generated<Time>
}

type RecordRestores = {
  incarnation: string
  previous: string
  backup_taken_at: Time
  restored_at: Generated<Time>
  with_ledgers: boolean
  report: Json
}

type Fences = {
  scope: string
  epoch: Digits
  stopped: boolean
  reason: string | null
  actor: string
  changed_at: Generated<Time>
}

type KillLevels = {
  scope: string
  epoch: Digits
  level: number
  reason: string
  actor: string
  auto: Generated<boolean>
  changed_at: Generated<Time>
}

type DeadLetters = {
  id: string
  tenant_id: string | null
  stream: string
  entry_id: string
  payload: string
  bytes: number
  sha256: string
  code: string
  reason: string
  history: Generated<Json>
  created_at: Generated<Time>
  replayed_at: Time | null
}

type IdempotencyKeys = {
  tenant_id: string
  principal: string
  route: string
  key: string
  body_hash: string
  status: number
  response: Json
  created_at: Generated<Time>
}

type SchemaMigrations = {
  version: number
  name: string
  checksum: string
  applied_at: Generated<Time>
}

/** Every table by its name. */
export type Tables = {
  tenants: Tenants
  users: Users
  agents: Agents
  campaigns: Campaigns
  policies: Policies
  policy_decisions: PolicyDecisions
  asset_prices: AssetPrices
  record_incarnation: RecordIncarnation
  stream_marker: StreamMarker
  audit_entries: AuditEntries
  goals: Goals
  goal_replans: GoalReplans
  slots: Slots
  tasks: Tasks
  task_payloads: TaskPayloads
  task_dependencies: TaskDependencies
  task_results: TaskResults
  tool_accounts: ToolAccounts
  account_cooldowns: AccountCooldowns
  tool_bindings: ToolBindings
  tool_boots: ToolBoots
  effects: Effects
  approvals: Approvals
  approval_words: ApprovalWords
  effect_settlements: EffectSettlements
  tool_adoptions: ToolAdoptions
  record_restores: RecordRestores
  receipts: Receipts
  budgets: Budgets
  budget_reservations: BudgetReservations
  budget_caps: BudgetCaps
  budget_defaults: BudgetDefaults
  model_spends: ModelSpends
  model_circuits: ModelCircuits
  provider_metrics: ProviderMetrics
  opinions: Opinions
  fences: Fences
  kill_levels: KillLevels
  dead_letters: DeadLetters
  house_versions: HouseVersions
  registry_entries: RegistryEntries
  memories: Memories
  memory_labels: MemoryLabels
  memory_outbox: MemoryOutbox
  memory_shelves: MemoryShelves
  personas: Personas
  api_tokens: ApiTokens
  idempotency_keys: IdempotencyKeys
  schema_migrations: SchemaMigrations
}
