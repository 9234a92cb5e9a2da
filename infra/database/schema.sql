-- What the migrations make of an empty database, for reading and review. Written by
-- `chimera database dump-schema`; a test fails when it drifts. Not to be run.

-- tables

CREATE TABLE account_cooldowns (
  account text NOT NULL,
  tool text NOT NULL,
  until timestamp with time zone NOT NULL,
  passed integer NOT NULL DEFAULT 0
);

CREATE TABLE agents (
  tenant_id uuid NOT NULL,
  id text NOT NULL,
  version_id uuid NOT NULL,
  soul_ref text,
  wallet_address text,
  status text NOT NULL DEFAULT 'ACTIVE'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

CREATE TABLE api_tokens (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  hash text NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone,
  last_used_at timestamp with time zone,
  revoked_at timestamp with time zone,
  user_id text,
  roles text[] NOT NULL DEFAULT '{}'::text[]
);

CREATE TABLE approval_words (
  approval_id uuid NOT NULL,
  approver text NOT NULL,
  token_id uuid NOT NULL,
  said_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE approvals (
  id uuid NOT NULL,
  n bigint NOT NULL,
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  version_id uuid NOT NULL,
  subject text NOT NULL,
  effect_id uuid,
  state text NOT NULL,
  effect_key text NOT NULL,
  args_hash text NOT NULL,
  account text,
  mode text NOT NULL,
  definition_hash text,
  policy_version text NOT NULL,
  slot text,
  tool text,
  args jsonb NOT NULL,
  provenance jsonb NOT NULL,
  agent_id text NOT NULL,
  requester text NOT NULL,
  editor text,
  needed integer NOT NULL,
  not_requester boolean NOT NULL,
  asked jsonb NOT NULL,
  cost_usd_micros numeric NOT NULL,
  confidence double precision NOT NULL,
  requested_at timestamp with time zone NOT NULL DEFAULT now(),
  expires_at timestamp with time zone NOT NULL,
  decided_at timestamp with time zone,
  decided_by text,
  reason text,
  is_response boolean NOT NULL DEFAULT false,
  withdrawn_at timestamp with time zone,
  withdrawn_by text,
  superseded_by uuid,
  audit_id uuid NOT NULL
);

CREATE TABLE asset_prices (
  tenant_id uuid NOT NULL,
  asset text NOT NULL,
  taken_at timestamp with time zone NOT NULL,
  decimals integer NOT NULL,
  usd_micros numeric NOT NULL,
  source text NOT NULL,
  actor text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE audit_entries (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  actor text NOT NULL,
  items jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE budget_caps (
  tenant_id uuid NOT NULL,
  scope text NOT NULL,
  scope_id text NOT NULL,
  mode text NOT NULL,
  asset text NOT NULL,
  per text NOT NULL,
  cap numeric,
  version_id uuid NOT NULL,
  changed_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

CREATE TABLE budget_defaults (
  scope text NOT NULL,
  mode text NOT NULL,
  asset text NOT NULL,
  per text NOT NULL,
  cap numeric NOT NULL
);

CREATE TABLE budget_reservations (
  effect_id uuid,
  tenant_id uuid NOT NULL,
  scope text NOT NULL,
  scope_id text NOT NULL,
  asset text NOT NULL,
  day date NOT NULL,
  amount numeric NOT NULL,
  settled numeric,
  spend_id uuid,
  holder_id uuid NOT NULL,
  mode text NOT NULL
);

CREATE TABLE budgets (
  tenant_id uuid NOT NULL,
  scope text NOT NULL,
  scope_id text NOT NULL,
  asset text NOT NULL,
  day date NOT NULL,
  cap numeric,
  reserved numeric NOT NULL DEFAULT 0,
  spent numeric NOT NULL DEFAULT 0,
  mode text NOT NULL,
  carried numeric NOT NULL DEFAULT 0,
  warned_at timestamp with time zone,
  exhausted_at timestamp with time zone
);

CREATE TABLE campaigns (
  tenant_id uuid NOT NULL,
  id text NOT NULL,
  version_id uuid NOT NULL,
  agent_id text NOT NULL,
  owner_user_id text,
  goal_text text NOT NULL DEFAULT ''::text,
  daily_budget_usd_micros numeric,
  status text NOT NULL DEFAULT 'ACTIVE'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

CREATE TABLE dead_letters (
  id uuid NOT NULL,
  tenant_id uuid,
  stream text NOT NULL,
  entry_id text NOT NULL,
  payload text NOT NULL,
  bytes integer NOT NULL,
  sha256 text NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  history jsonb NOT NULL DEFAULT '[]'::jsonb,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  replayed_at timestamp with time zone
);

CREATE TABLE effect_settlements (
  id uuid NOT NULL,
  effect_id uuid NOT NULL,
  outcome text NOT NULL,
  provider_ref text,
  reason text NOT NULL,
  actor text NOT NULL,
  requested_at timestamp with time zone NOT NULL DEFAULT now(),
  jws text,
  boot uuid,
  done_at timestamp with time zone,
  refused text
);

CREATE TABLE effects (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  slot text NOT NULL,
  round integer NOT NULL,
  effect_key text NOT NULL,
  version_id uuid NOT NULL,
  state text NOT NULL,
  tool text NOT NULL,
  account text,
  mode text NOT NULL,
  args jsonb NOT NULL,
  args_hash text NOT NULL,
  provenance jsonb NOT NULL,
  code text,
  detail text,
  cost_usd_micros numeric NOT NULL DEFAULT 0,
  grant_id uuid,
  grant_jws text,
  granted_at timestamp with time zone,
  grant_expires_at timestamp with time zone,
  boot uuid,
  cancelling boolean NOT NULL DEFAULT false,
  void_reason text,
  void_jws text,
  void_boot uuid,
  receipt_state text,
  receipt jsonb,
  receipt_jws text,
  provider_ref text,
  claimed_at timestamp with time zone,
  settled_at timestamp with time zone,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  adopted_from uuid,
  approvals uuid[] NOT NULL DEFAULT '{}'::uuid[]
);

CREATE TABLE fences (
  scope text NOT NULL,
  epoch bigint NOT NULL,
  stopped boolean NOT NULL,
  reason text,
  actor text NOT NULL,
  changed_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE goal_replans (
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  plan integer NOT NULL,
  shape text NOT NULL,
  failures jsonb NOT NULL,
  tasks_completed integer NOT NULL,
  cost_usd_micros numeric NOT NULL,
  ended_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE goals (
  tenant_id uuid NOT NULL,
  id text NOT NULL,
  version_id uuid NOT NULL,
  status text NOT NULL,
  paused_from text,
  mode text NOT NULL,
  agent_id text NOT NULL,
  campaign_id text,
  source text NOT NULL,
  trust text NOT NULL,
  content jsonb NOT NULL,
  content_hash text NOT NULL,
  plan_hash text,
  waiting_on jsonb,
  failure jsonb,
  tasks_total integer NOT NULL DEFAULT 0,
  tasks_open integer NOT NULL DEFAULT 0,
  tasks_failed integer NOT NULL DEFAULT 0,
  lease_owner text,
  lease_until timestamp with time zone,
  received_at timestamp with time zone NOT NULL DEFAULT now(),
  planned_at timestamp with time zone,
  finished_at timestamp with time zone,
  audit_id uuid NOT NULL,
  requested_by text,
  plan integer NOT NULL DEFAULT 1,
  planner text,
  replan_cause jsonb,
  replan_at timestamp with time zone,
  replan_allowed_by text
) WITH (fillfactor=60);

CREATE TABLE house_versions (
  tenant_id uuid NOT NULL,
  subject text NOT NULL,
  version bigint NOT NULL DEFAULT 0
);

CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL,
  principal text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  body_hash text NOT NULL,
  status integer NOT NULL,
  response jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE kill_levels (
  scope text NOT NULL,
  epoch bigint NOT NULL,
  level integer NOT NULL,
  reason text NOT NULL,
  actor text NOT NULL,
  auto boolean NOT NULL DEFAULT false,
  changed_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE memories (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  agent_id text NOT NULL,
  kind text NOT NULL,
  content text NOT NULL,
  tags text[] NOT NULL,
  at timestamp with time zone NOT NULL,
  label text NOT NULL,
  sources jsonb NOT NULL,
  goal_id text,
  task_id uuid,
  importance double precision NOT NULL,
  expires_at timestamp with time zone,
  keep_rank double precision NOT NULL,
  revision bigint NOT NULL,
  embedder text NOT NULL,
  vector bytea NOT NULL,
  words tsvector NOT NULL
);

CREATE TABLE memory_labels (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  label text NOT NULL
);

CREATE TABLE memory_outbox (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  memory jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  failures integer NOT NULL DEFAULT 0,
  run_at timestamp with time zone NOT NULL DEFAULT now(),
  fault text
);

CREATE TABLE memory_shelves (
  tenant_id uuid NOT NULL,
  agent_id text NOT NULL,
  revision bigint NOT NULL DEFAULT 0,
  held integer NOT NULL DEFAULT 0
);

CREATE TABLE model_circuits (
  id text NOT NULL,
  name text NOT NULL,
  provider text NOT NULL,
  label text NOT NULL,
  model text NOT NULL,
  tier jsonb,
  state text NOT NULL DEFAULT 'closed'::text,
  failures integer NOT NULL DEFAULT 0,
  successes integer NOT NULL DEFAULT 0,
  open_until timestamp with time zone,
  cool_until timestamp with time zone,
  probe uuid,
  probe_until timestamp with time zone,
  reason text,
  actor text NOT NULL DEFAULT 'rule'::text,
  changed_at timestamp with time zone NOT NULL DEFAULT now(),
  seen_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE model_spends (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  goal_id text,
  agent_id text NOT NULL,
  campaign_id text,
  model text NOT NULL,
  usd_micros numeric NOT NULL,
  tokens numeric NOT NULL,
  lease_until timestamp with time zone NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  settled_at timestamp with time zone,
  ended text
);

CREATE TABLE opinions (
  tenant_id uuid NOT NULL,
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  asked integer NOT NULL DEFAULT 1,
  asked_until timestamp with time zone NOT NULL,
  answer jsonb,
  answered_at timestamp with time zone,
  audit_id uuid NOT NULL
);

CREATE TABLE personas (
  tenant_id uuid NOT NULL,
  name text NOT NULL,
  version integer NOT NULL,
  sha256 text NOT NULL,
  front jsonb NOT NULL,
  body text NOT NULL,
  pinned_by text NOT NULL,
  pinned_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

CREATE TABLE policies (
  tenant_id uuid NOT NULL,
  version integer NOT NULL,
  source text NOT NULL,
  document jsonb NOT NULL,
  hash text NOT NULL,
  note text,
  actor text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

CREATE TABLE policy_decisions (
  effect_id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  policy text NOT NULL,
  version integer NOT NULL,
  decision text NOT NULL,
  code text NOT NULL,
  rules text[] NOT NULL,
  request jsonb NOT NULL,
  asset text,
  amount numeric,
  usd_micros numeric,
  recipient text,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE provider_metrics (
  circuit text NOT NULL,
  hour timestamp with time zone NOT NULL,
  name text NOT NULL,
  total bigint NOT NULL DEFAULT 0,
  ok bigint NOT NULL DEFAULT 0,
  failed bigint NOT NULL DEFAULT 0,
  latency_ms bigint NOT NULL DEFAULT 0,
  input_tokens bigint NOT NULL DEFAULT 0,
  output_tokens bigint NOT NULL DEFAULT 0,
  usd_micros bigint NOT NULL DEFAULT 0,
  last_error text,
  last_error_at timestamp with time zone,
  updated_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE receipts (
  id uuid NOT NULL,
  grant_id uuid NOT NULL,
  jws text NOT NULL,
  carried_by text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  judged_at timestamp with time zone,
  verdict text
);

CREATE TABLE record_incarnation (
  is_only boolean NOT NULL DEFAULT true,
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  since timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE record_restores (
  incarnation uuid NOT NULL,
  previous uuid NOT NULL,
  backup_taken_at timestamp with time zone NOT NULL,
  restored_at timestamp with time zone NOT NULL DEFAULT now(),
  with_ledgers boolean NOT NULL,
  report jsonb NOT NULL
);

CREATE TABLE registry_entries (
  tenant_id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  version integer NOT NULL,
  value jsonb NOT NULL,
  note text NOT NULL DEFAULT ''::text,
  added_by text NOT NULL,
  added_at timestamp with time zone NOT NULL DEFAULT now(),
  removed_by text,
  removed_at timestamp with time zone,
  audit_id uuid NOT NULL
);

CREATE TABLE schema_migrations (
  version integer NOT NULL,
  name text NOT NULL,
  checksum text NOT NULL,
  applied_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE slots (
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  slot text NOT NULL,
  tool text NOT NULL,
  max_effects integer NOT NULL DEFAULT 1
);

CREATE TABLE stream_marker (
  is_only boolean NOT NULL DEFAULT true,
  marker text NOT NULL,
  set_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE task_dependencies (
  parent_id uuid NOT NULL,
  child_id uuid NOT NULL
);

CREATE TABLE task_payloads (
  task_id uuid NOT NULL,
  payload jsonb NOT NULL,
  constraints jsonb NOT NULL
);

CREATE TABLE task_results (
  task_id uuid NOT NULL,
  attempt integer NOT NULL,
  worker text NOT NULL,
  outcome jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now()
);

CREATE TABLE tasks (
  id uuid NOT NULL,
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  version_id uuid NOT NULL,
  type text NOT NULL,
  kind text NOT NULL,
  status text NOT NULL,
  phase text NOT NULL,
  attempt integer NOT NULL DEFAULT 0,
  max_attempts integer NOT NULL DEFAULT 3,
  rejections integer NOT NULL DEFAULT 0,
  retries integer NOT NULL DEFAULT 0,
  leases_lost integer NOT NULL DEFAULT 0,
  parents_open integer NOT NULL DEFAULT 0,
  run_at timestamp with time zone,
  lease_owner text,
  lease_until timestamp with time zone,
  confidence double precision,
  waiting_on jsonb,
  feedback text,
  failure jsonb,
  verdict jsonb,
  planned_at timestamp with time zone NOT NULL DEFAULT now(),
  ready_at timestamp with time zone,
  claimed_at timestamp with time zone,
  result_at timestamp with time zone,
  judged_at timestamp with time zone,
  audit_id uuid NOT NULL,
  waits_for text,
  plan integer NOT NULL DEFAULT 1,
  turn timestamp with time zone,
  turn_agent text
) WITH (fillfactor=50);

CREATE TABLE tenants (
  id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  version_id uuid NOT NULL DEFAULT gen_random_uuid(),
  status text NOT NULL DEFAULT 'ACTIVE'::text,
  policy_version integer NOT NULL DEFAULT 0
);

CREATE TABLE tool_accounts (
  account text NOT NULL,
  server text NOT NULL,
  url text NOT NULL,
  backend text NOT NULL,
  live boolean NOT NULL,
  boot uuid,
  ledger_id uuid,
  definitions jsonb NOT NULL DEFAULT '{}'::jsonb,
  state text NOT NULL DEFAULT 'closed'::text,
  reason text,
  seen_at timestamp with time zone,
  version_id uuid NOT NULL
);

CREATE TABLE tool_adoptions (
  id uuid NOT NULL,
  account text NOT NULL,
  actor text NOT NULL,
  requested_at timestamp with time zone NOT NULL DEFAULT now(),
  boot uuid,
  jws text,
  done_at timestamp with time zone,
  refused text
);

CREATE TABLE tool_bindings (
  tenant_id uuid NOT NULL,
  agent_id text NOT NULL,
  tool text NOT NULL,
  account text NOT NULL
);

CREATE TABLE tool_boots (
  boot uuid NOT NULL,
  account text NOT NULL,
  ledger_id uuid NOT NULL,
  seq bigint NOT NULL,
  status jsonb NOT NULL,
  hello text,
  registered_at timestamp with time zone NOT NULL DEFAULT now(),
  opened_at timestamp with time zone
);

CREATE TABLE users (
  tenant_id uuid NOT NULL,
  id text NOT NULL,
  version_id uuid NOT NULL,
  email text NOT NULL,
  roles text[] NOT NULL,
  status text NOT NULL DEFAULT 'ACTIVE'::text,
  created_at timestamp with time zone NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL
);

-- constraints

ALTER TABLE account_cooldowns ADD CONSTRAINT account_cooldowns_pkey PRIMARY KEY (account, tool);
ALTER TABLE account_cooldowns ADD CONSTRAINT account_cooldowns_account_fkey FOREIGN KEY (account) REFERENCES tool_accounts(account);
ALTER TABLE agents ADD CONSTRAINT agents_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE agents ADD CONSTRAINT agents_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE agents ADD CONSTRAINT agents_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'::text));
ALTER TABLE agents ADD CONSTRAINT agents_status_check CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text])));
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_hash_key UNIQUE (hash);
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_tenant_id_user_id_fkey FOREIGN KEY (tenant_id, user_id) REFERENCES users(tenant_id, id);
ALTER TABLE api_tokens ADD CONSTRAINT api_tokens_roles_check CHECK ((roles <@ ARRAY['viewer'::text, 'operator'::text, 'approver'::text, 'policy_admin'::text, 'tenant_admin'::text, 'auditor'::text]));
ALTER TABLE approval_words ADD CONSTRAINT approval_words_pkey PRIMARY KEY (approval_id, approver);
ALTER TABLE approval_words ADD CONSTRAINT approval_words_approval_id_fkey FOREIGN KEY (approval_id) REFERENCES approvals(id);
ALTER TABLE approval_words ADD CONSTRAINT approval_words_token_id_fkey FOREIGN KEY (token_id) REFERENCES api_tokens(id);
ALTER TABLE approvals ADD CONSTRAINT approvals_pkey PRIMARY KEY (id);
ALTER TABLE approvals ADD CONSTRAINT approvals_effect_id_fkey FOREIGN KEY (effect_id) REFERENCES effects(id);
ALTER TABLE approvals ADD CONSTRAINT approvals_superseded_by_fkey FOREIGN KEY (superseded_by) REFERENCES approvals(id) DEFERRABLE INITIALLY DEFERRED;
ALTER TABLE approvals ADD CONSTRAINT approvals_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasks(id);
ALTER TABLE approvals ADD CONSTRAINT approvals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE approvals ADD CONSTRAINT approvals_tenant_id_goal_id_fkey FOREIGN KEY (tenant_id, goal_id) REFERENCES goals(tenant_id, id);
ALTER TABLE approvals ADD CONSTRAINT approvals_check CHECK (((subject = 'effect'::text) = (effect_id IS NOT NULL)));
ALTER TABLE approvals ADD CONSTRAINT approvals_check1 CHECK (((state = 'REQUESTED'::text) = (decided_at IS NULL)));
ALTER TABLE approvals ADD CONSTRAINT approvals_check2 CHECK (((state = 'EDITED'::text) = (superseded_by IS NOT NULL)));
ALTER TABLE approvals ADD CONSTRAINT approvals_check3 CHECK (((withdrawn_at IS NULL) OR (state = 'APPROVED'::text)));
ALTER TABLE approvals ADD CONSTRAINT approvals_cost_usd_micros_check CHECK ((cost_usd_micros >= (0)::numeric));
ALTER TABLE approvals ADD CONSTRAINT approvals_mode_check CHECK ((mode = ANY (ARRAY['dry'::text, 'paper'::text, 'live'::text])));
ALTER TABLE approvals ADD CONSTRAINT approvals_needed_check CHECK (((needed >= 1) AND (needed <= 16)));
ALTER TABLE approvals ADD CONSTRAINT approvals_state_check CHECK ((state = ANY (ARRAY['REQUESTED'::text, 'APPROVED'::text, 'EDITED'::text, 'REJECTED'::text, 'EXPIRED'::text, 'CANCELLED'::text])));
ALTER TABLE approvals ADD CONSTRAINT approvals_subject_check CHECK ((subject = ANY (ARRAY['effect'::text, 'result'::text])));
ALTER TABLE asset_prices ADD CONSTRAINT asset_prices_pkey PRIMARY KEY (tenant_id, asset, taken_at);
ALTER TABLE asset_prices ADD CONSTRAINT asset_prices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE asset_prices ADD CONSTRAINT asset_prices_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{1,11}$'::text));
ALTER TABLE asset_prices ADD CONSTRAINT asset_prices_decimals_check CHECK (((decimals >= 0) AND (decimals <= 36)));
ALTER TABLE asset_prices ADD CONSTRAINT asset_prices_usd_micros_check CHECK ((usd_micros > (0)::numeric));
ALTER TABLE audit_entries ADD CONSTRAINT audit_entries_pkey PRIMARY KEY (id);
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_pkey PRIMARY KEY (tenant_id, scope, scope_id, mode, asset, per);
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{1,11}$'::text));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_cap_check CHECK (((cap >= (0)::numeric) AND (cap = trunc(cap))));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_check CHECK (((scope = 'goal'::text) = (per = 'ever'::text)));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_check1 CHECK (((scope <> 'tenant'::text) OR (scope_id = (tenant_id)::text)));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_mode_check CHECK ((mode = ANY (ARRAY['paper'::text, 'live'::text])));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_per_check CHECK ((per = ANY (ARRAY['day'::text, 'ever'::text])));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_scope_check CHECK ((scope = ANY (ARRAY['tenant'::text, 'agent'::text, 'campaign'::text, 'goal'::text])));
ALTER TABLE budget_caps ADD CONSTRAINT budget_caps_scope_id_check CHECK ((scope_id ~ '^(\*|[A-Za-z0-9][A-Za-z0-9._:-]{0,127})$'::text));
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_pkey PRIMARY KEY (scope, mode, asset, per);
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_asset_check CHECK ((asset ~ '^[A-Z][A-Z0-9]{1,11}$'::text));
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_cap_check CHECK (((cap >= (0)::numeric) AND (cap = trunc(cap))));
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_mode_check CHECK ((mode = ANY (ARRAY['paper'::text, 'live'::text])));
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_per_check CHECK ((per = ANY (ARRAY['day'::text, 'ever'::text])));
ALTER TABLE budget_defaults ADD CONSTRAINT budget_defaults_scope_check CHECK ((scope = ANY (ARRAY['tenant'::text, 'agent'::text, 'campaign'::text, 'goal'::text])));
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_pkey PRIMARY KEY (holder_id, scope, scope_id, mode, asset, day);
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_effect_id_fkey FOREIGN KEY (effect_id) REFERENCES effects(id);
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_spend_id_fkey FOREIGN KEY (spend_id) REFERENCES model_spends(id);
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_tenant_id_scope_scope_id_mode_asset_da_fkey FOREIGN KEY (tenant_id, scope, scope_id, mode, asset, day) REFERENCES budgets(tenant_id, scope, scope_id, mode, asset, day);
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_amount_check CHECK ((amount > (0)::numeric));
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_check CHECK (((num_nonnulls(effect_id, spend_id) = 1) AND (holder_id = COALESCE(effect_id, spend_id))));
ALTER TABLE budget_reservations ADD CONSTRAINT budget_reservations_mode_check CHECK ((mode = ANY (ARRAY['paper'::text, 'live'::text])));
ALTER TABLE budgets ADD CONSTRAINT budgets_pkey PRIMARY KEY (tenant_id, scope, scope_id, mode, asset, day);
ALTER TABLE budgets ADD CONSTRAINT budgets_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE budgets ADD CONSTRAINT budgets_cap_check CHECK ((cap >= (0)::numeric));
ALTER TABLE budgets ADD CONSTRAINT budgets_carried_check CHECK ((carried >= (0)::numeric));
ALTER TABLE budgets ADD CONSTRAINT budgets_mode_check CHECK ((mode = ANY (ARRAY['paper'::text, 'live'::text])));
ALTER TABLE budgets ADD CONSTRAINT budgets_reserved_check CHECK ((reserved >= (0)::numeric));
ALTER TABLE budgets ADD CONSTRAINT budgets_scope_check CHECK ((scope = ANY (ARRAY['tenant'::text, 'agent'::text, 'campaign'::text, 'goal'::text])));
ALTER TABLE budgets ADD CONSTRAINT budgets_spent_check CHECK ((spent >= (0)::numeric));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE campaigns ADD CONSTRAINT campaigns_tenant_id_agent_id_fkey FOREIGN KEY (tenant_id, agent_id) REFERENCES agents(tenant_id, id);
ALTER TABLE campaigns ADD CONSTRAINT campaigns_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE campaigns ADD CONSTRAINT campaigns_tenant_id_owner_user_id_fkey FOREIGN KEY (tenant_id, owner_user_id) REFERENCES users(tenant_id, id);
ALTER TABLE campaigns ADD CONSTRAINT campaigns_daily_budget_usd_micros_check CHECK ((daily_budget_usd_micros >= (0)::numeric));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'::text));
ALTER TABLE campaigns ADD CONSTRAINT campaigns_status_check CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text, 'COMPLETED'::text])));
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_stream_entry_id_sha256_key UNIQUE (stream, entry_id, sha256);
ALTER TABLE dead_letters ADD CONSTRAINT dead_letters_pkey PRIMARY KEY (id);
ALTER TABLE effect_settlements ADD CONSTRAINT effect_settlements_pkey PRIMARY KEY (id);
ALTER TABLE effect_settlements ADD CONSTRAINT effect_settlements_effect_id_fkey FOREIGN KEY (effect_id) REFERENCES effects(id);
ALTER TABLE effect_settlements ADD CONSTRAINT effect_settlements_check CHECK (((outcome = 'happened'::text) = (provider_ref IS NOT NULL)));
ALTER TABLE effect_settlements ADD CONSTRAINT effect_settlements_outcome_check CHECK ((outcome = ANY (ARRAY['happened'::text, 'did_not_happen'::text])));
ALTER TABLE effects ADD CONSTRAINT effects_effect_key_round_key UNIQUE (effect_key, round);
ALTER TABLE effects ADD CONSTRAINT effects_grant_id_key UNIQUE (grant_id);
ALTER TABLE effects ADD CONSTRAINT effects_pkey PRIMARY KEY (id);
ALTER TABLE effects ADD CONSTRAINT effects_task_id_fkey FOREIGN KEY (task_id) REFERENCES tasks(id);
ALTER TABLE effects ADD CONSTRAINT effects_tenant_id_goal_id_slot_fkey FOREIGN KEY (tenant_id, goal_id, slot) REFERENCES slots(tenant_id, goal_id, slot);
ALTER TABLE effects ADD CONSTRAINT effects_check CHECK (((grant_id IS NULL) OR (state <> ALL (ARRAY['EXPIRED'::text, 'CANCELLED'::text])) OR (NOT (receipt_state IS DISTINCT FROM 'VOID'::text))));
ALTER TABLE effects ADD CONSTRAINT effects_check1 CHECK (((grant_id IS NULL) OR (state <> ALL (ARRAY['CONFIRMED'::text, 'REFUSED'::text, 'NOT_SENT'::text, 'NOT_HAPPENED'::text])) OR (NOT (receipt_state IS DISTINCT FROM state))));
ALTER TABLE effects ADD CONSTRAINT effects_check2 CHECK (((state <> ALL (ARRAY['GRANTED'::text, 'CONFIRMED'::text, 'REFUSED'::text, 'NOT_SENT'::text, 'UNKNOWN'::text, 'NOT_HAPPENED'::text])) OR ((grant_id IS NOT NULL) AND (account IS NOT NULL))));
ALTER TABLE effects ADD CONSTRAINT effects_check3 CHECK (((state <> 'DENIED'::text) OR (grant_id IS NULL)));
ALTER TABLE effects ADD CONSTRAINT effects_cost_usd_micros_check CHECK ((cost_usd_micros >= (0)::numeric));
ALTER TABLE effects ADD CONSTRAINT effects_mode_check CHECK ((mode = ANY (ARRAY['dry'::text, 'paper'::text, 'live'::text])));
ALTER TABLE effects ADD CONSTRAINT effects_round_check CHECK ((round >= 1));
ALTER TABLE effects ADD CONSTRAINT effects_state_check CHECK ((state = ANY (ARRAY['PROPOSED'::text, 'AWAITING_APPROVAL'::text, 'GRANTED'::text, 'CONFIRMED'::text, 'REFUSED'::text, 'NOT_SENT'::text, 'UNKNOWN'::text, 'NOT_HAPPENED'::text, 'NEEDS_HUMAN'::text, 'DENIED'::text, 'EXPIRED'::text, 'CANCELLED'::text])));
ALTER TABLE fences ADD CONSTRAINT fences_pkey PRIMARY KEY (scope);
ALTER TABLE fences ADD CONSTRAINT fences_epoch_check CHECK ((epoch >= 0));
ALTER TABLE goal_replans ADD CONSTRAINT goal_replans_pkey PRIMARY KEY (tenant_id, goal_id, plan);
ALTER TABLE goal_replans ADD CONSTRAINT goal_replans_tenant_id_goal_id_fkey FOREIGN KEY (tenant_id, goal_id) REFERENCES goals(tenant_id, id);
ALTER TABLE goals ADD CONSTRAINT goals_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE goals ADD CONSTRAINT goals_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE goals ADD CONSTRAINT goals_check CHECK (((status = 'PAUSED'::text) = (paused_from IS NOT NULL)));
ALTER TABLE goals ADD CONSTRAINT goals_check1 CHECK (((status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])) = (finished_at IS NOT NULL)));
ALTER TABLE goals ADD CONSTRAINT goals_check2 CHECK (((trust = 'owner'::text) OR (mode <> 'live'::text)));
ALTER TABLE goals ADD CONSTRAINT goals_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'::text));
ALTER TABLE goals ADD CONSTRAINT goals_mode_check CHECK ((mode = ANY (ARRAY['dry'::text, 'paper'::text, 'live'::text])));
ALTER TABLE goals ADD CONSTRAINT goals_paused_from_check CHECK ((paused_from = ANY (ARRAY['RECEIVED'::text, 'PLANNED'::text, 'ACTIVE'::text])));
ALTER TABLE goals ADD CONSTRAINT goals_plan_check CHECK ((plan >= 1));
ALTER TABLE goals ADD CONSTRAINT goals_source_check CHECK ((source = ANY (ARRAY['stream'::text, 'http'::text, 'cli'::text, 'mcp'::text])));
ALTER TABLE goals ADD CONSTRAINT goals_status_check CHECK ((status = ANY (ARRAY['RECEIVED'::text, 'PLANNED'::text, 'ACTIVE'::text, 'PAUSED'::text, 'COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])));
ALTER TABLE goals ADD CONSTRAINT goals_tasks_open_check CHECK ((tasks_open >= 0));
ALTER TABLE goals ADD CONSTRAINT goals_trust_check CHECK ((trust = ANY (ARRAY['owner'::text, 'untrusted'::text])));
ALTER TABLE house_versions ADD CONSTRAINT house_versions_pkey PRIMARY KEY (tenant_id, subject);
ALTER TABLE house_versions ADD CONSTRAINT house_versions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE house_versions ADD CONSTRAINT house_versions_subject_check CHECK ((subject = ANY (ARRAY['registry'::text, 'persona'::text])));
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_pkey PRIMARY KEY (tenant_id, principal, route, key);
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE kill_levels ADD CONSTRAINT kill_levels_pkey PRIMARY KEY (scope);
ALTER TABLE kill_levels ADD CONSTRAINT kill_levels_check CHECK ((level = (epoch % (6)::bigint)));
ALTER TABLE kill_levels ADD CONSTRAINT kill_levels_epoch_check CHECK ((epoch >= 0));
ALTER TABLE kill_levels ADD CONSTRAINT kill_levels_reason_check CHECK ((reason <> ''::text));
ALTER TABLE kill_levels ADD CONSTRAINT kill_levels_scope_check CHECK ((scope ~ '^(everything|tenant:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$'::text));
ALTER TABLE memories ADD CONSTRAINT memories_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE memories ADD CONSTRAINT memories_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE memories ADD CONSTRAINT memories_content_check CHECK (((length(content) >= 1) AND (length(content) <= 8000)));
ALTER TABLE memories ADD CONSTRAINT memories_importance_check CHECK (((importance >= (0)::double precision) AND (importance <= (1)::double precision)));
ALTER TABLE memories ADD CONSTRAINT memories_kind_check CHECK ((kind = ANY (ARRAY['interaction'::text, 'trend'::text, 'learning'::text])));
ALTER TABLE memories ADD CONSTRAINT memories_label_check CHECK ((label = ANY (ARRAY['owner'::text, 'registry'::text, 'derived'::text, 'untrusted'::text])));
ALTER TABLE memory_labels ADD CONSTRAINT memory_labels_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE memory_labels ADD CONSTRAINT memory_labels_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE memory_labels ADD CONSTRAINT memory_labels_label_check CHECK ((label = ANY (ARRAY['owner'::text, 'registry'::text, 'derived'::text, 'untrusted'::text])));
ALTER TABLE memory_outbox ADD CONSTRAINT memory_outbox_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE memory_outbox ADD CONSTRAINT memory_outbox_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE memory_shelves ADD CONSTRAINT memory_shelves_pkey PRIMARY KEY (tenant_id, agent_id);
ALTER TABLE memory_shelves ADD CONSTRAINT memory_shelves_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_pkey PRIMARY KEY (id);
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_check CHECK (((open_until IS NULL) OR (state = 'open'::text)));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_check1 CHECK (((probe IS NULL) OR (state = 'half_open'::text)));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_check2 CHECK (((probe IS NULL) = (probe_until IS NULL)));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_failures_check CHECK ((failures >= 0));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_id_check CHECK ((length(id) <= 600));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_state_check CHECK ((state = ANY (ARRAY['closed'::text, 'open'::text, 'half_open'::text])));
ALTER TABLE model_circuits ADD CONSTRAINT model_circuits_successes_check CHECK ((successes >= 0));
ALTER TABLE model_spends ADD CONSTRAINT model_spends_pkey PRIMARY KEY (id);
ALTER TABLE model_spends ADD CONSTRAINT model_spends_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE model_spends ADD CONSTRAINT model_spends_check CHECK (((settled_at IS NULL) = (ended IS NULL)));
ALTER TABLE model_spends ADD CONSTRAINT model_spends_ended_check CHECK ((ended = ANY (ARRAY['answered'::text, 'lapsed'::text])));
ALTER TABLE model_spends ADD CONSTRAINT model_spends_tokens_check CHECK ((tokens >= (0)::numeric));
ALTER TABLE model_spends ADD CONSTRAINT model_spends_usd_micros_check CHECK ((usd_micros >= (0)::numeric));
ALTER TABLE opinions ADD CONSTRAINT opinions_pkey PRIMARY KEY (tenant_id, task_id, attempt);
ALTER TABLE opinions ADD CONSTRAINT opinions_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE opinions ADD CONSTRAINT opinions_asked_check CHECK (((asked >= 1) AND (asked <= 2)));
ALTER TABLE opinions ADD CONSTRAINT opinions_check CHECK (((answered_at IS NULL) = (answer IS NULL)));
ALTER TABLE personas ADD CONSTRAINT personas_pkey PRIMARY KEY (tenant_id, name, version);
ALTER TABLE personas ADD CONSTRAINT personas_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE personas ADD CONSTRAINT personas_name_check CHECK (((name ~ '^[A-Za-z0-9][A-Za-z0-9_-]*\.md$'::text) AND (length(name) <= 64)));
ALTER TABLE personas ADD CONSTRAINT personas_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text));
ALTER TABLE personas ADD CONSTRAINT personas_version_check CHECK ((version > 0));
ALTER TABLE policies ADD CONSTRAINT policies_pkey PRIMARY KEY (tenant_id, version);
ALTER TABLE policies ADD CONSTRAINT policies_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE policies ADD CONSTRAINT policies_version_check CHECK ((version >= 1));
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_pkey PRIMARY KEY (effect_id);
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_effect_id_fkey FOREIGN KEY (effect_id) REFERENCES effects(id);
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_amount_check CHECK ((amount >= (0)::numeric));
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_decision_check CHECK ((decision = ANY (ARRAY['allow'::text, 'deny'::text, 'require_approval'::text])));
ALTER TABLE policy_decisions ADD CONSTRAINT policy_decisions_usd_micros_check CHECK ((usd_micros >= (0)::numeric));
ALTER TABLE provider_metrics ADD CONSTRAINT provider_metrics_pkey PRIMARY KEY (circuit, hour);
ALTER TABLE provider_metrics ADD CONSTRAINT provider_metrics_circuit_fkey FOREIGN KEY (circuit) REFERENCES model_circuits(id) ON DELETE CASCADE;
ALTER TABLE provider_metrics ADD CONSTRAINT provider_metrics_check CHECK ((total = (ok + failed)));
ALTER TABLE receipts ADD CONSTRAINT receipts_pkey PRIMARY KEY (id);
ALTER TABLE record_incarnation ADD CONSTRAINT record_incarnation_pkey PRIMARY KEY (is_only);
ALTER TABLE record_incarnation ADD CONSTRAINT record_incarnation_is_only_check CHECK (is_only);
ALTER TABLE record_restores ADD CONSTRAINT record_restores_pkey PRIMARY KEY (incarnation);
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_pkey PRIMARY KEY (tenant_id, kind, name, version);
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_check CHECK (((removed_by IS NULL) = (removed_at IS NULL)));
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_kind_check CHECK ((kind = ANY (ARRAY['address'::text, 'asset'::text, 'cashtag'::text, 'domain'::text, 'email'::text, 'handle'::text, 'url'::text])));
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_name_check CHECK (((length(name) >= 1) AND (length(name) <= 128)));
ALTER TABLE registry_entries ADD CONSTRAINT registry_entries_version_check CHECK ((version > 0));
ALTER TABLE schema_migrations ADD CONSTRAINT schema_migrations_pkey PRIMARY KEY (version);
ALTER TABLE slots ADD CONSTRAINT slots_pkey PRIMARY KEY (tenant_id, goal_id, slot);
ALTER TABLE slots ADD CONSTRAINT slots_tenant_id_goal_id_fkey FOREIGN KEY (tenant_id, goal_id) REFERENCES goals(tenant_id, id);
ALTER TABLE slots ADD CONSTRAINT slots_max_effects_check CHECK ((max_effects > 0));
ALTER TABLE stream_marker ADD CONSTRAINT stream_marker_pkey PRIMARY KEY (is_only);
ALTER TABLE stream_marker ADD CONSTRAINT stream_marker_is_only_check CHECK (is_only);
ALTER TABLE task_dependencies ADD CONSTRAINT task_dependencies_pkey PRIMARY KEY (parent_id, child_id);
ALTER TABLE task_dependencies ADD CONSTRAINT task_dependencies_child_id_fkey FOREIGN KEY (child_id) REFERENCES tasks(id);
ALTER TABLE task_dependencies ADD CONSTRAINT task_dependencies_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES tasks(id);
ALTER TABLE task_dependencies ADD CONSTRAINT task_dependencies_check CHECK ((parent_id <> child_id));
ALTER TABLE task_payloads ADD CONSTRAINT task_payloads_pkey PRIMARY KEY (task_id);
ALTER TABLE task_results ADD CONSTRAINT task_results_pkey PRIMARY KEY (task_id, attempt);
ALTER TABLE tasks ADD CONSTRAINT tasks_pkey PRIMARY KEY (id);
ALTER TABLE tasks ADD CONSTRAINT tasks_tenant_id_goal_id_fkey FOREIGN KEY (tenant_id, goal_id) REFERENCES goals(tenant_id, id);
ALTER TABLE tasks ADD CONSTRAINT tasks_check CHECK ((((status = 'PENDING'::text) AND (phase = ANY (ARRAY['blocked'::text, 'ready'::text]))) OR ((status = 'IN_PROGRESS'::text) AND (phase = 'running'::text)) OR ((status = 'REVIEW'::text) AND (phase = ANY (ARRAY['judging'::text, 'awaiting_approval'::text, 'granted'::text, 'reconciling'::text]))) OR ((status = 'COMPLETED'::text) AND (phase = 'done'::text)) OR ((status = 'FAILED'::text) AND (phase = ANY (ARRAY['rejected'::text, 'denied'::text, 'cancelled'::text, 'dead'::text])))));
ALTER TABLE tasks ADD CONSTRAINT tasks_check1 CHECK (((status = 'IN_PROGRESS'::text) = (lease_owner IS NOT NULL)));
ALTER TABLE tasks ADD CONSTRAINT tasks_check2 CHECK (((phase = 'blocked'::text) = ((status = 'PENDING'::text) AND (parents_open > 0))));
ALTER TABLE tasks ADD CONSTRAINT tasks_confidence_check CHECK (((confidence >= (0)::double precision) AND (confidence <= (1)::double precision)));
ALTER TABLE tasks ADD CONSTRAINT tasks_parents_open_check CHECK ((parents_open >= 0));
ALTER TABLE tasks ADD CONSTRAINT tasks_turn_agent CHECK (((turn IS NULL) = (turn_agent IS NULL)));
ALTER TABLE tasks ADD CONSTRAINT tasks_type_check CHECK ((type = ANY (ARRAY['RESEARCH'::text, 'CONTENT_GEN'::text, 'TRANSACTION'::text, 'ENGAGEMENT'::text])));
ALTER TABLE tenants ADD CONSTRAINT tenants_pkey PRIMARY KEY (id);
ALTER TABLE tenants ADD CONSTRAINT tenants_policy_version_check CHECK ((policy_version >= 0));
ALTER TABLE tenants ADD CONSTRAINT tenants_status_check CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text])));
ALTER TABLE tool_accounts ADD CONSTRAINT tool_accounts_pkey PRIMARY KEY (account);
ALTER TABLE tool_accounts ADD CONSTRAINT tool_accounts_state_check CHECK ((state = ANY (ARRAY['open'::text, 'closed'::text, 'fenced'::text])));
ALTER TABLE tool_adoptions ADD CONSTRAINT tool_adoptions_pkey PRIMARY KEY (id);
ALTER TABLE tool_adoptions ADD CONSTRAINT tool_adoptions_account_fkey FOREIGN KEY (account) REFERENCES tool_accounts(account);
ALTER TABLE tool_bindings ADD CONSTRAINT tool_bindings_pkey PRIMARY KEY (tenant_id, agent_id, tool);
ALTER TABLE tool_bindings ADD CONSTRAINT tool_bindings_account_fkey FOREIGN KEY (account) REFERENCES tool_accounts(account);
ALTER TABLE tool_bindings ADD CONSTRAINT tool_bindings_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE tool_boots ADD CONSTRAINT tool_boots_pkey PRIMARY KEY (boot);
ALTER TABLE tool_boots ADD CONSTRAINT tool_boots_account_fkey FOREIGN KEY (account) REFERENCES tool_accounts(account);
ALTER TABLE users ADD CONSTRAINT users_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE users ADD CONSTRAINT users_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenants(id);
ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (((length(email) >= 3) AND (length(email) <= 254)));
ALTER TABLE users ADD CONSTRAINT users_id_check CHECK ((id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'::text));
ALTER TABLE users ADD CONSTRAINT users_roles_check CHECK ((roles <@ ARRAY['viewer'::text, 'operator'::text, 'approver'::text, 'policy_admin'::text, 'tenant_admin'::text, 'auditor'::text]));
ALTER TABLE users ADD CONSTRAINT users_status_check CHECK ((status = ANY (ARRAY['ACTIVE'::text, 'PAUSED'::text])));

-- indexes

CREATE INDEX agents_paused ON public.agents USING btree (tenant_id, id) WHERE (status = 'PAUSED'::text);
CREATE INDEX approval_words_of_token ON public.approval_words USING btree (token_id);
CREATE INDEX approvals_newest ON public.approvals USING btree (tenant_id, n DESC);
CREATE INDEX approvals_of_key ON public.approvals USING btree (effect_key, n);
CREATE INDEX approvals_of_task ON public.approvals USING btree (task_id);
CREATE UNIQUE INDEX approvals_one_open ON public.approvals USING btree (effect_key) WHERE (state = 'REQUESTED'::text);
CREATE INDEX approvals_open ON public.approvals USING btree (expires_at) WHERE (state = 'REQUESTED'::text);
CREATE INDEX approvals_precedents ON public.approvals USING btree (tenant_id, agent_id, tool, decided_at) WHERE (state = 'APPROVED'::text);
CREATE INDEX budget_reservations_open ON public.budget_reservations USING btree (tenant_id, scope, scope_id, mode, asset, day) WHERE (settled IS NULL);
CREATE INDEX campaigns_paused ON public.campaigns USING btree (tenant_id, id) WHERE (status = 'PAUSED'::text);
CREATE INDEX effect_settlements_open ON public.effect_settlements USING btree (requested_at) WHERE (done_at IS NULL);
CREATE INDEX effects_counted_done ON public.effects USING btree (tenant_id, tool, COALESCE(claimed_at, granted_at)) WHERE (state = 'CONFIRMED'::text);
CREATE INDEX effects_counted_open ON public.effects USING btree (tenant_id, tool) WHERE (state = ANY (ARRAY['GRANTED'::text, 'UNKNOWN'::text, 'NEEDS_HUMAN'::text]));
CREATE INDEX effects_of_goal ON public.effects USING btree (tenant_id, goal_id);
CREATE INDEX effects_of_task ON public.effects USING btree (task_id);
CREATE UNIQUE INDEX effects_one_open_round ON public.effects USING btree (effect_key) WHERE (state = ANY (ARRAY['PROPOSED'::text, 'AWAITING_APPROVAL'::text, 'GRANTED'::text, 'UNKNOWN'::text, 'NEEDS_HUMAN'::text, 'CONFIRMED'::text]));
CREATE UNIQUE INDEX effects_one_provider_ref ON public.effects USING btree (account, provider_ref) WHERE (provider_ref IS NOT NULL);
CREATE INDEX effects_open ON public.effects USING btree (account, grant_expires_at) WHERE (state = ANY (ARRAY['GRANTED'::text, 'UNKNOWN'::text]));
CREATE INDEX effects_resting ON public.effects USING gin (approvals) WHERE (state = 'GRANTED'::text);
CREATE INDEX effects_said ON public.effects USING btree (text_key((args ->> 'text'::text)), account, created_at) WHERE (tool = ANY (ARRAY['post_tweet'::text, 'reply_tweet'::text]));
CREATE INDEX goals_newest ON public.goals USING btree (tenant_id, received_at DESC, id DESC);
CREATE INDEX goals_received ON public.goals USING btree (received_at) WHERE (status = 'RECEIVED'::text);
CREATE INDEX goals_to_replan ON public.goals USING btree (replan_at) WHERE ((status = 'ACTIVE'::text) AND (replan_at IS NOT NULL));
CREATE INDEX memories_by_embedder ON public.memories USING btree (tenant_id, agent_id, embedder);
CREATE INDEX memories_by_rank ON public.memories USING btree (tenant_id, agent_id, keep_rank);
CREATE INDEX memories_by_revision ON public.memories USING btree (tenant_id, agent_id, revision);
CREATE INDEX memories_expiring ON public.memories USING btree (tenant_id, agent_id, expires_at) WHERE (expires_at IS NOT NULL);
CREATE INDEX memory_outbox_due ON public.memory_outbox USING btree (run_at, id);
CREATE INDEX model_spends_open ON public.model_spends USING btree (lease_until) WHERE (settled_at IS NULL);
CREATE INDEX policy_decisions_newest ON public.policy_decisions USING btree (tenant_id, created_at DESC, effect_id);
CREATE INDEX provider_metrics_by_hour ON public.provider_metrics USING btree (hour);
CREATE INDEX receipts_of_grant ON public.receipts USING btree (grant_id);
CREATE INDEX receipts_unjudged ON public.receipts USING btree (created_at) WHERE (judged_at IS NULL);
CREATE UNIQUE INDEX registry_entries_held ON public.registry_entries USING btree (tenant_id, kind, lower(name)) WHERE (removed_at IS NULL);
CREATE INDEX task_dependencies_of_child ON public.task_dependencies USING btree (child_id);
CREATE INDEX tasks_in_turn ON public.tasks USING btree (type, tenant_id, turn_agent, turn) WHERE ((phase = 'ready'::text) AND (turn IS NOT NULL));
CREATE INDEX tasks_judging ON public.tasks USING btree (COALESCE(run_at, result_at)) WHERE (phase = 'judging'::text);
CREATE INDEX tasks_of_goal ON public.tasks USING btree (tenant_id, goal_id);
CREATE INDEX tasks_put_off ON public.tasks USING btree (waits_for) WHERE ((phase = 'ready'::text) AND (waits_for IS NOT NULL));
CREATE INDEX tasks_ready ON public.tasks USING btree (COALESCE(run_at, ready_at)) WHERE (phase = 'ready'::text);
CREATE INDEX tasks_running ON public.tasks USING btree (lease_until) WHERE (status = 'IN_PROGRESS'::text);
CREATE INDEX tasks_waiting_for_room ON public.tasks USING btree (waits_for, result_at) WHERE ((phase = 'judging'::text) AND (waits_for IS NOT NULL));
CREATE INDEX tenants_paused ON public.tenants USING btree (id) WHERE (status = 'PAUSED'::text);
CREATE INDEX tool_adoptions_open ON public.tool_adoptions USING btree (requested_at) WHERE (done_at IS NULL);
CREATE INDEX tool_boots_of_account ON public.tool_boots USING btree (account, registered_at);
CREATE UNIQUE INDEX users_email ON public.users USING btree (tenant_id, lower(email));

-- views

CREATE VIEW sweep_overview AS
 WITH limits AS (
         SELECT (2000)::double precision AS late_after_ms,
            (10000)::double precision AS due_within_ms
        ), late AS (
         SELECT (now() - (limits.late_after_ms * '00:00:00.001'::interval)) AS before
           FROM limits
        ), due_window AS (
         SELECT (now() - (limits.due_within_ms * '00:00:00.001'::interval)) AS since
           FROM limits
        )
 SELECT ( SELECT limits.late_after_ms
           FROM limits) AS late_after_ms,
    ( SELECT limits.due_within_ms
           FROM limits) AS due_within_ms,
    ( SELECT stream_marker.marker
           FROM stream_marker) AS marker,
    (EXISTS ( SELECT
           FROM tasks
          WHERE ((tasks.status = 'IN_PROGRESS'::text) AND (tasks.lease_until < now())))) AS lost_leases,
    ((EXISTS ( SELECT
           FROM goals
          WHERE ((goals.status = 'RECEIVED'::text) AND (goals.lease_until < now())))) OR (EXISTS ( SELECT
           FROM goals
          WHERE ((goals.status = 'ACTIVE'::text) AND (goals.replan_at IS NOT NULL) AND (goals.lease_until < now()))))) AS lost_plans,
    ((EXISTS ( SELECT
           FROM tasks,
            due_window
          WHERE ((tasks.phase = 'ready'::text) AND (tasks.run_at IS NOT NULL) AND (COALESCE(tasks.run_at, tasks.ready_at) > due_window.since) AND (COALESCE(tasks.run_at, tasks.ready_at) <= now())))) OR (EXISTS ( SELECT
           FROM tasks,
            due_window
          WHERE ((tasks.phase = 'judging'::text) AND (tasks.run_at IS NOT NULL) AND (COALESCE(tasks.run_at, tasks.result_at) > due_window.since) AND (COALESCE(tasks.run_at, tasks.result_at) <= now()))))) AS due,
    ((EXTRACT(epoch FROM (LEAST(( SELECT min(COALESCE(tasks.run_at, tasks.ready_at)) AS min
           FROM tasks
          WHERE ((tasks.phase = 'ready'::text) AND (COALESCE(tasks.run_at, tasks.ready_at) > now()))), ( SELECT min(COALESCE(tasks.run_at, tasks.result_at)) AS min
           FROM tasks
          WHERE ((tasks.phase = 'judging'::text) AND (COALESCE(tasks.run_at, tasks.result_at) > now())))) - now())) * (1000)::numeric))::double precision AS next_due_ms,
    ((EXISTS ( SELECT
           FROM goals,
            late
          WHERE ((goals.status = 'RECEIVED'::text) AND (goals.received_at < late.before) AND (goals.lease_until IS NULL)))) OR (EXISTS ( SELECT
           FROM goals,
            late
          WHERE ((goals.status = 'ACTIVE'::text) AND (goals.replan_at IS NOT NULL) AND (goals.replan_at < late.before) AND (goals.lease_until IS NULL))))) AS late_goals,
    (( SELECT true
           FROM late,
            (tasks t
             JOIN goals g ON (((g.tenant_id = t.tenant_id) AND (g.id = t.goal_id))))
          WHERE ((t.phase = 'ready'::text) AND (COALESCE(t.run_at, t.ready_at) < late.before) AND (g.status = ANY (ARRAY['PLANNED'::text, 'ACTIVE'::text])) AND (NOT ((EXISTS ( SELECT
                   FROM tenants p
                  WHERE ((p.id = g.tenant_id) AND (p.status = 'PAUSED'::text)))) OR (EXISTS ( SELECT
                   FROM campaigns p
                  WHERE ((p.tenant_id = g.tenant_id) AND (p.id = g.campaign_id) AND (p.status = 'PAUSED'::text)))) OR (EXISTS ( SELECT
                   FROM agents p
                  WHERE ((p.tenant_id = g.tenant_id) AND (p.id = g.agent_id) AND (p.status = 'PAUSED'::text)))))))
          ORDER BY COALESCE(t.run_at, t.ready_at)
         LIMIT 1) IS NOT NULL) AS late_tasks,
    ((( SELECT true
           FROM tasks,
            late
          WHERE ((tasks.phase = 'judging'::text) AND (COALESCE(tasks.run_at, tasks.result_at) < late.before))
          ORDER BY COALESCE(tasks.run_at, tasks.result_at)
         LIMIT 1) IS NOT NULL) OR (EXISTS ( SELECT
           FROM receipts,
            late
          WHERE ((receipts.judged_at IS NULL) AND (receipts.created_at < late.before))))) AS late_results,
    (EXISTS ( SELECT
           FROM effects,
            late
          WHERE ((effects.state = 'GRANTED'::text) AND (NOT effects.cancelling) AND (effects.granted_at < late.before) AND (effects.grant_expires_at >= now())))) AS late_effects,
    (EXISTS ( SELECT
           FROM (effects e
             JOIN tool_accounts a USING (account))
          WHERE ((e.state = 'GRANTED'::text) AND (NOT e.cancelling) AND ((e.grant_expires_at < now()) OR (e.boot IS DISTINCT FROM a.boot))))) AS dead_grants,
    (EXISTS ( SELECT
           FROM effects
          WHERE ((effects.state = 'GRANTED'::text) AND effects.cancelling))) AS cancelling,
    (EXISTS ( SELECT
           FROM effects
          WHERE (effects.state = 'UNKNOWN'::text))) AS unknown_effects,
    (EXISTS ( SELECT
           FROM effect_settlements
          WHERE (effect_settlements.done_at IS NULL))) AS settlements,
    (EXISTS ( SELECT
           FROM tool_adoptions
          WHERE (tool_adoptions.done_at IS NULL))) AS adoptions,
    (EXISTS ( SELECT
           FROM approvals
          WHERE ((approvals.state = 'REQUESTED'::text) AND (approvals.expires_at <= now())))) AS late_approvals,
    (EXISTS ( SELECT
           FROM model_spends
          WHERE ((model_spends.settled_at IS NULL) AND (model_spends.lease_until < now())))) AS lapsed_calls,
    ((NOT (EXISTS ( SELECT
           FROM goals
          WHERE (goals.status = 'RECEIVED'::text)))) AND (NOT (EXISTS ( SELECT
           FROM goals
          WHERE ((goals.status = 'ACTIVE'::text) AND (goals.replan_at IS NOT NULL))))) AND (NOT (EXISTS ( SELECT
           FROM model_spends
          WHERE (model_spends.settled_at IS NULL)))) AND (( SELECT true
           FROM tasks
          WHERE (tasks.phase = 'ready'::text)
          ORDER BY COALESCE(tasks.run_at, tasks.ready_at)
         LIMIT 1) IS NULL) AND (NOT (EXISTS ( SELECT
           FROM tasks
          WHERE (tasks.status = 'IN_PROGRESS'::text)))) AND (( SELECT true
           FROM tasks
          WHERE (tasks.phase = 'judging'::text)
          ORDER BY COALESCE(tasks.run_at, tasks.result_at)
         LIMIT 1) IS NULL) AND (NOT (EXISTS ( SELECT
           FROM receipts
          WHERE (receipts.judged_at IS NULL)))) AND (NOT (EXISTS ( SELECT
           FROM effects
          WHERE (effects.state = ANY (ARRAY['GRANTED'::text, 'UNKNOWN'::text])))))) AS idle,
    ( SELECT COALESCE(jsonb_agg(jsonb_build_object('account', tool_accounts.account, 'url', tool_accounts.url, 'boot', tool_accounts.boot, 'state', tool_accounts.state, 'reason', tool_accounts.reason) ORDER BY tool_accounts.account), '[]'::jsonb) AS "coalesce"
           FROM tool_accounts) AS accounts,
    ( SELECT COALESCE(jsonb_object_agg(fences.scope, jsonb_build_object('epoch', fences.epoch, 'stopped', fences.stopped)), '{}'::jsonb) AS "coalesce"
           FROM fences
          WHERE (fences.epoch > 0)) AS fences,
    ( SELECT COALESCE(jsonb_object_agg(kill_levels.scope, kill_levels.epoch), '{}'::jsonb) AS "coalesce"
           FROM kill_levels
          WHERE (kill_levels.epoch > 0)) AS kill,
    (EXISTS ( SELECT
           FROM memory_outbox
          WHERE (memory_outbox.run_at <= now()))) AS memories_due;

-- functions

CREATE OR REPLACE FUNCTION public.approvals_late(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT task_id, tenant_id, expires_at::text AS at FROM approvals
  WHERE state = 'REQUESTED' AND expires_at <= now() AND expires_at >= p_after
    AND (expires_at, task_id) > (p_after, p_after_id)
  ORDER BY expires_at, task_id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.assert_batch(p_tenants uuid[])
 RETURNS void
 LANGUAGE plpgsql
 STABLE
AS $function$
BEGIN
  IF NOT coalesce(p_tenants <@ current_tenants(), false) THEN
    RAISE EXCEPTION 'these are not all tenants of this batch'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
END $function$;

CREATE OR REPLACE FUNCTION public.begin_house_versions()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  INSERT INTO house_versions (tenant_id, subject) VALUES (NEW.id, 'registry'), (NEW.id, 'persona');
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.budget_cap(p_tenant uuid, p_scope text, p_scope_id text, p_mode text, p_asset text, p_per text, p_own numeric)
 RETURNS numeric
 LANGUAGE plpgsql
 STABLE
AS $function$
DECLARE
  found_cap numeric;
BEGIN
  SELECT c.cap INTO found_cap FROM budget_caps c
  WHERE (c.tenant_id, c.scope, c.scope_id, c.mode, c.asset, c.per)
    = (p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_per);
  IF FOUND THEN RETURN found_cap; END IF;
  IF p_own IS NOT NULL THEN RETURN p_own; END IF;
  IF p_scope = 'campaign' AND p_asset = 'USD' THEN
    SELECT c.daily_budget_usd_micros INTO found_cap FROM campaigns c
    WHERE c.tenant_id = p_tenant AND c.id = p_scope_id;
    IF found_cap IS NOT NULL THEN RETURN found_cap; END IF;
  END IF;
  SELECT c.cap INTO found_cap FROM budget_caps c
  WHERE (c.tenant_id, c.scope, c.scope_id, c.mode, c.asset, c.per)
    = (p_tenant, p_scope, '*', p_mode, p_asset, p_per);
  IF FOUND THEN RETURN found_cap; END IF;
  SELECT d.cap INTO found_cap FROM budget_defaults d
  WHERE (d.scope, d.mode, d.asset, d.per) = (p_scope, p_mode, p_asset, p_per);
  RETURN found_cap;
END $function$;

CREATE OR REPLACE FUNCTION public.budget_reserve(p_request integer[], p_tenant uuid[], p_scope text[], p_scope_id text[], p_mode text[], p_asset text[], p_per text[], p_amount numeric[], p_own numeric[])
 RETURNS TABLE(kind text, request integer, tenant_id uuid, scope text, scope_id text, mode text, asset text, day date, cap numeric, used numeric, amount numeric)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
DECLARE
  today date := (now() AT TIME ZONE 'UTC')::date;
  p_day date[];
  n int;
  refusal record;
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtext('budget caps'));
  SELECT array_agg(CASE WHEN l.per = 'day' THEN today ELSE 'epoch'::date END ORDER BY l.nr)
  INTO p_day FROM unnest(p_per) WITH ORDINALITY AS l(per, nr);

  INSERT INTO budgets (tenant_id, scope, scope_id, mode, asset, day)
  SELECT DISTINCT t, s, i, m, a, d
  FROM unnest(p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_day) AS l(t, s, i, m, a, d)
  ORDER BY 1, 2, 3, 4, 5, 6
  ON CONFLICT DO NOTHING;

  -- Locked in key order, so that two batches never wait for each other; the day before with it, where
  -- a transaction that began before midnight may still be reserving.
  PERFORM 1 FROM budgets b
  JOIN (SELECT DISTINCT * FROM unnest(p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_day))
      AS k(t, s, i, m, a, d)
    ON (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset) = (k.t, k.s, k.i, k.m, k.a)
      AND b.day IN (k.d, k.d - 1)
  ORDER BY b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day
  FOR UPDATE OF b;

  -- What is open of earlier days, UNKNOWN and NEEDS_HUMAN above all, counts in this one.
  WITH keys AS (
    SELECT t, s, i, m, a, d, p, min(o) AS own
    FROM unnest(p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_day, p_per, p_own)
      AS l(t, s, i, m, a, d, p, o)
    GROUP BY t, s, i, m, a, d, p
  ), now_known AS (
    SELECT k.*, budget_cap(k.t, k.s, k.i, k.m, k.a, k.p, k.own) AS new_cap,
      CASE WHEN k.p = 'ever' THEN 0 ELSE coalesce((
        SELECT sum(r.amount) FROM budget_reservations r
        WHERE (r.tenant_id, r.scope, r.scope_id, r.mode, r.asset) = (k.t, k.s, k.i, k.m, k.a)
          AND r.settled IS NULL AND r.day < k.d AND r.day > 'epoch'), 0) END AS new_carried
    FROM keys k
  )
  UPDATE budgets b SET cap = k.new_cap, carried = k.new_carried
  FROM now_known k
  WHERE (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
      = (k.t, k.s, k.i, k.m, k.a, k.d)
    AND (b.cap, b.carried) IS DISTINCT FROM (k.new_cap, k.new_carried);

  FOR n IN SELECT DISTINCT r FROM unnest(p_request) AS r ORDER BY r LOOP
    SELECT b.*, b.spent + b.reserved + b.carried AS full_of, w.wanted INTO refusal
    FROM (
      SELECT t, s, i, m, a, d, sum(x) AS wanted
      FROM unnest(p_request, p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_day, p_amount)
        AS l(r, t, s, i, m, a, d, x)
      WHERE r = n
      GROUP BY t, s, i, m, a, d
    ) AS w
    JOIN budgets b ON (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
      = (w.t, w.s, w.i, w.m, w.a, w.d)
    WHERE b.spent + b.reserved + b.carried + w.wanted > b.cap
    -- A cap for ever says no for good, a day's only until midnight: the stricter word first.
    ORDER BY b.day, b.scope, b.scope_id LIMIT 1;
    IF FOUND THEN
      RETURN QUERY SELECT 'refused', n, refusal.tenant_id, refusal.scope, refusal.scope_id,
        refusal.mode, refusal.asset, refusal.day, refusal.cap, refusal.full_of, refusal.wanted;
      IF refusal.exhausted_at IS NULL THEN
        UPDATE budgets b SET exhausted_at = now()
        WHERE (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day) = (refusal.tenant_id,
          refusal.scope, refusal.scope_id, refusal.mode, refusal.asset, refusal.day);
        RETURN QUERY SELECT 'exhausted', n, refusal.tenant_id, refusal.scope, refusal.scope_id,
          refusal.mode, refusal.asset, refusal.day, refusal.cap, refusal.full_of, refusal.wanted;
      END IF;
      CONTINUE;
    END IF;

    RETURN QUERY
    WITH lines AS (
      SELECT t, s, i, m, a, d, sum(x) AS wanted
      FROM unnest(p_request, p_tenant, p_scope, p_scope_id, p_mode, p_asset, p_day, p_amount)
        AS l(r, t, s, i, m, a, d, x)
      WHERE r = n
      GROUP BY t, s, i, m, a, d
    ), before AS (
      SELECT w.*, b.warned_at AS was_warned_at FROM lines w
      JOIN budgets b ON (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
        = (w.t, w.s, w.i, w.m, w.a, w.d)
    ), grown AS (
      UPDATE budgets b SET reserved = b.reserved + w.wanted,
        warned_at = CASE
          WHEN b.warned_at IS NULL AND b.spent + b.reserved + b.carried + w.wanted >= b.cap * 0.8
          THEN now() ELSE b.warned_at END
      FROM before w
      WHERE (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
        = (w.t, w.s, w.i, w.m, w.a, w.d)
      RETURNING b.*, w.wanted, w.was_warned_at
    )
    SELECT 'warned', n, g.tenant_id, g.scope, g.scope_id, g.mode, g.asset, g.day, g.cap,
      g.spent + g.reserved + g.carried, g.wanted
    FROM grown g WHERE g.warned_at IS NOT NULL AND g.was_warned_at IS NULL;
    RETURN QUERY SELECT 'granted', n, NULL::uuid, NULL::text, NULL::text, NULL::text, NULL::text,
      NULL::date, NULL::numeric, NULL::numeric, NULL::numeric;
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION public.budget_settle(p_holder uuid[], p_asset text[], p_spent numeric[])
 RETURNS TABLE(tenant_id uuid, scope text, scope_id text, mode text, asset text, freed numeric)
 LANGUAGE plpgsql
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM 1 FROM budgets b
  JOIN (SELECT DISTINCT r.tenant_id, r.scope, r.scope_id, r.mode, r.asset, r.day
      FROM budget_reservations r WHERE r.holder_id = ANY (p_holder) AND r.settled IS NULL) AS k
    USING (tenant_id, scope, scope_id, mode, asset, day)
  ORDER BY b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day
  FOR UPDATE OF b;

  RETURN QUERY
  WITH lines AS (
    SELECT * FROM unnest(p_holder, p_asset, p_spent) AS l(holder, asset, spent)
  ), chosen AS (
    SELECT DISTINCT ON (r.holder_id, r.scope, r.scope_id, r.mode, r.asset, r.day)
      r.holder_id, r.scope, r.scope_id, r.mode, r.asset, r.day, l.spent
    FROM budget_reservations r
    JOIN lines l ON l.holder = r.holder_id AND (l.asset = r.asset OR l.asset IS NULL)
    WHERE r.settled IS NULL
    ORDER BY r.holder_id, r.scope, r.scope_id, r.mode, r.asset, r.day, l.asset NULLS LAST
  ), settled AS (
    UPDATE budget_reservations r SET settled = least(r.amount, coalesce(c.spent, r.amount))
    FROM chosen c
    WHERE (r.holder_id, r.scope, r.scope_id, r.mode, r.asset, r.day)
        = (c.holder_id, c.scope, c.scope_id, c.mode, c.asset, c.day)
      AND r.settled IS NULL
    RETURNING r.*
  ), summed AS (
    SELECT s.tenant_id, s.scope, s.scope_id, s.mode, s.asset, s.day, sum(s.amount) AS amount,
      sum(s.settled) AS spent
    FROM settled s GROUP BY s.tenant_id, s.scope, s.scope_id, s.mode, s.asset, s.day
  ), moved AS (
    UPDATE budgets b SET reserved = b.reserved - s.amount, spent = b.spent + s.spent
    FROM summed s
    WHERE (b.tenant_id, b.scope, b.scope_id, b.mode, b.asset, b.day)
      = (s.tenant_id, s.scope, s.scope_id, s.mode, s.asset, s.day)
    RETURNING b.tenant_id, b.scope, b.scope_id, b.mode, b.asset,
      -- What was open of an earlier day held back today as much.
      CASE WHEN b.day > 'epoch' AND b.day < (now() AT TIME ZONE 'UTC')::date THEN s.amount
        ELSE s.amount - s.spent END AS freed
  )
  SELECT m.tenant_id, m.scope, m.scope_id, m.mode, m.asset, m.freed FROM moved m WHERE m.freed > 0;
END $function$;

CREATE OR REPLACE FUNCTION public.calls_lapsed(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, lease_until::text AS at FROM model_spends
  WHERE settled_at IS NULL AND lease_until < now() AND lease_until >= p_after
    AND (lease_until, id) > (p_after, p_after_id)
  ORDER BY lease_until, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.check_effect_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF current_setting('chimera.restoring', true) = 'on' THEN
    RETURN NEW;
  END IF;
  IF (OLD.state || ' ' || NEW.state) NOT IN (
    'PROPOSED AWAITING_APPROVAL', 'PROPOSED GRANTED', 'PROPOSED DENIED', 'PROPOSED EXPIRED',
    'PROPOSED CANCELLED',
    'AWAITING_APPROVAL PROPOSED', 'AWAITING_APPROVAL GRANTED', 'AWAITING_APPROVAL DENIED',
    'AWAITING_APPROVAL EXPIRED', 'AWAITING_APPROVAL CANCELLED',
    'GRANTED CONFIRMED', 'GRANTED REFUSED', 'GRANTED NOT_SENT', 'GRANTED UNKNOWN',
    'GRANTED EXPIRED', 'GRANTED CANCELLED', 'GRANTED NOT_HAPPENED', 'GRANTED NEEDS_HUMAN',
    'UNKNOWN CONFIRMED', 'UNKNOWN NOT_HAPPENED', 'UNKNOWN NEEDS_HUMAN',
    'NEEDS_HUMAN CONFIRMED', 'NEEDS_HUMAN NOT_HAPPENED')
  THEN
    RAISE EXCEPTION 'effect % may not move from % to %', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_fence()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'the fence of % may not fall from % to %', OLD.scope, OLD.epoch, NEW.epoch
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.check_granted_approvals()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF (TG_OP = 'UPDATE' AND cardinality(NEW.approvals) = 0) OR EXISTS (
    SELECT FROM unnest(NEW.approvals) AS u(id) LEFT JOIN approvals a USING (id)
    WHERE a.id IS NULL OR a.state <> 'APPROVED' OR a.withdrawn_at IS NOT NULL
      OR a.expires_at <= now() OR a.effect_key <> NEW.effect_key OR a.args_hash <> NEW.args_hash
      OR a.account IS DISTINCT FROM NEW.account OR a.mode <> NEW.mode)
  THEN
    RAISE EXCEPTION 'effect % has no approval for exactly this', NEW.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.check_kill()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF TG_OP = 'DELETE' AND OLD.epoch = 0 THEN
    -- The first level gives way to the rows of a backup.
    RETURN OLD;
  ELSIF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'the kill level of % may not be deleted', OLD.scope
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  IF NEW.epoch < OLD.epoch OR NEW.scope <> OLD.scope THEN
    RAISE EXCEPTION 'the kill level of % may not go back from epoch % to %',
      OLD.scope, OLD.epoch, NEW.epoch USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  -- Said by the one function that was shown the operator's token, for its transaction alone.
  IF NEW.level < OLD.level
      AND coalesce(current_setting('chimera.lowering_kill', true), '') <> NEW.scope THEN
    RAISE EXCEPTION 'the kill level of % only rises: from % to % takes the operator''s token',
      OLD.scope, OLD.level, NEW.level USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $function$;

CREATE OR REPLACE FUNCTION public.current_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT nullif(current_setting('chimera.tenant', true), '')::uuid $function$;

CREATE OR REPLACE FUNCTION public.current_tenants()
 RETURNS uuid[]
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT nullif(current_setting('chimera.tenants', true), '')::uuid[] $function$;

CREATE OR REPLACE FUNCTION public.effects_to_adopt(p_account text, p_window interval, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT e.id, e.tenant_id FROM effects e
  WHERE e.account = p_account AND e.mode <> 'dry'
    AND (e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')
      OR (e.state = 'CONFIRMED' AND e.settled_at > least(now() - p_window,
        (SELECT min(o.granted_at) FROM effects o WHERE o.account = p_account
          AND o.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')))))
  ORDER BY (e.state = 'CONFIRMED'), e.granted_at DESC LIMIT p_most
$function$;

CREATE OR REPLACE FUNCTION public.find_principal(p_hash text)
 RETURNS TABLE(id uuid, tenant_id uuid, name text, scopes text[], roles text[], user_id text, user_roles text[])
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  WITH found AS (
    SELECT t.id, t.tenant_id, t.name, t.scopes, t.roles, t.user_id, t.last_used_at,
      u.roles AS user_roles
    FROM api_tokens t LEFT JOIN users u ON u.tenant_id = t.tenant_id AND u.id = t.user_id
    WHERE t.hash = p_hash AND t.revoked_at IS NULL
      AND (t.expires_at IS NULL OR t.expires_at > now())
      AND (t.user_id IS NULL OR u.status = 'ACTIVE')
  ), used AS (
    UPDATE api_tokens t SET last_used_at = now() FROM found f
    WHERE t.id = f.id
      AND (f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute')
  )
  SELECT f.id, f.tenant_id, f.name, f.scopes, f.roles, f.user_id, f.user_roles FROM found f
$function$;

CREATE OR REPLACE FUNCTION public.goals_received(p_age_ms double precision, p_after timestamp with time zone, p_after_tenant uuid, p_after_id text, p_most integer)
 RETURNS TABLE(tenant_id uuid, id text, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT tenant_id, id, received_at::text AS at FROM goals
  WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
    AND (lease_until IS NULL OR lease_until < now())
    AND received_at < now() - p_age_ms * interval '1 millisecond' AND received_at >= p_after
    AND (received_at, tenant_id, id) > (p_after, p_after_tenant, p_after_id)
  ORDER BY received_at, tenant_id, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.goals_to_plan(p_planner text, p_most integer)
 RETURNS TABLE(tenant_id uuid, id text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT g.tenant_id, g.id FROM goals g
  WHERE (g.status = 'RECEIVED' OR (g.status = 'ACTIVE' AND g.replan_at IS NOT NULL))
    AND (g.lease_until IS NULL OR g.lease_until <= now() OR g.lease_owner = p_planner)
  ORDER BY g.received_at LIMIT p_most
$function$;

CREATE OR REPLACE FUNCTION public.grants_dead(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.id, e.tenant_id, coalesce(e.grant_expires_at, 'infinity')::text AS at
  FROM effects e JOIN tool_accounts a ON a.account = e.account
  WHERE e.state = 'GRANTED' AND NOT e.cancelling
    AND (e.grant_expires_at < now() OR e.boot IS DISTINCT FROM a.boot)
    AND (coalesce(e.grant_expires_at, 'infinity'), e.id) > (p_after, p_after_id)
  ORDER BY coalesce(e.grant_expires_at, 'infinity'), e.id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.grants_ending(p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.id, e.tenant_id FROM tool_accounts a, LATERAL (
    SELECT * FROM effects o
    WHERE o.account = a.account AND o.state = 'GRANTED' AND o.cancelling
    ORDER BY o.grant_expires_at, o.id LIMIT p_most
  ) AS e
  WHERE a.boot IS NOT NULL AND a.state <> 'closed' ORDER BY e.id;
END $function$;

CREATE OR REPLACE FUNCTION public.grants_out(p_account text, p_tool text DEFAULT NULL::text)
 RETURNS integer
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  RETURN (SELECT count(*) FROM effects e WHERE e.account = p_account AND e.state = 'GRANTED'
    AND (p_tool IS NULL OR e.tool = p_tool));
END $function$;

CREATE OR REPLACE FUNCTION public.grants_to_carry(p_age_ms double precision, p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, granted_at::text AS at FROM effects
  WHERE state = 'GRANTED' AND NOT cancelling AND grant_expires_at >= now()
    AND grant_jws IS NOT NULL AND granted_at < now() - p_age_ms * interval '1 millisecond'
    AND granted_at >= p_after
    AND (granted_at, id) > (p_after, p_after_id)
  ORDER BY granted_at, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.grants_unknown(p_most integer)
 RETURNS TABLE(account text, grant_ids text[])
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT a.account, u.ids
  FROM tool_accounts a, LATERAL (
    SELECT array_agg(o.grant_id) AS ids FROM (
      SELECT e.grant_id::text FROM effects e
      WHERE e.account = a.account AND e.state = 'UNKNOWN'
      ORDER BY e.grant_expires_at, e.id LIMIT p_most
    ) AS o
  ) AS u
  WHERE u.ids IS NOT NULL ORDER BY a.account;
END $function$;

CREATE OR REPLACE FUNCTION public.highest_seq(p_account text)
 RETURNS bigint
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT coalesce(max((receipt ->> 'seq')::bigint), 0) FROM effects WHERE account = p_account
$function$;

CREATE OR REPLACE FUNCTION public.hold_approvers(p_approvals uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM api_tokens WHERE id IN
      (SELECT token_id FROM approval_words WHERE approval_id = ANY (p_approvals))
    ORDER BY id FOR SHARE;
  PERFORM FROM users u WHERE (u.tenant_id, u.id) IN
      (SELECT k.tenant_id, k.user_id FROM approval_words w JOIN api_tokens k ON k.id = w.token_id
        WHERE w.approval_id = ANY (p_approvals))
    ORDER BY u.tenant_id, u.id FOR SHARE;
END $function$;

CREATE OR REPLACE FUNCTION public.hold_reservations()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('budget caps'));
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.hold_tenants(p_tenants uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
BEGIN
  PERFORM FROM tenants WHERE id = ANY (p_tenants) ORDER BY id FOR SHARE;
END $function$;

CREATE OR REPLACE FUNCTION public.is_among(p_tenant uuid, p_tenants uuid[])
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE PARALLEL SAFE COST 5
AS $function$ BEGIN RETURN p_tenant = ANY (p_tenants); END $function$;

CREATE OR REPLACE FUNCTION public.is_stray(p_grant uuid)
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT NOT EXISTS (SELECT FROM effects WHERE grant_id = p_grant) $function$;

CREATE OR REPLACE FUNCTION public.keep_opinion()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'an opinion that was given is never changed'
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.keep_trail()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  IF EXISTS (SELECT FROM audit_entries WHERE tenant_id = OLD.id) THEN
    RAISE EXCEPTION 'the tenant % has a trail and stays', OLD.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $function$;

CREATE OR REPLACE FUNCTION public.leases_lost(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, lease_until::text AS at FROM tasks
  WHERE status = 'IN_PROGRESS' AND lease_until < now() AND lease_until >= p_after
    AND (lease_until, id) > (p_after, p_after_id)
  ORDER BY lease_until, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.mark_receipts(p_receipts uuid[], p_verdicts text[])
 RETURNS void
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  UPDATE receipts r SET judged_at = now(), verdict = u.verdict
  FROM unnest(p_receipts, p_verdicts) AS u(id, verdict)
  WHERE r.id = u.id AND NOT EXISTS (SELECT FROM effects e WHERE e.grant_id = r.grant_id
    AND is_among(e.tenant_id, current_tenants()) IS NOT TRUE)
$function$;

CREATE OR REPLACE FUNCTION public.memories_due(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, run_at::text AS at FROM memory_outbox
  WHERE run_at <= now() AND run_at >= p_after AND (run_at, id) > (p_after, p_after_id)
  ORDER BY run_at, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.new_version()
 RETURNS uuid
 LANGUAGE sql
AS $function$SELECT uuidv7()$function$;

CREATE OR REPLACE FUNCTION public.next_turns(p_types text[], p_most integer, p_of_agent integer, p_of_tenant integer, p_unjudged integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
 SET enable_bitmapscan TO 'off'
 SET enable_sort TO 'off'
 SET enable_hashjoin TO 'off'
 SET enable_mergejoin TO 'off'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM pg_advisory_xact_lock(1953854062, 0);
  IF p_unjudged < (SELECT count(*) FROM (SELECT FROM tasks WHERE phase = 'judging'
    AND coalesce(run_at, result_at) <= now() LIMIT p_unjudged + 1) AS unjudged) THEN
    RETURN;
  END IF;
  RETURN QUERY
  -- Each queue is one look into the index, however long it is.
  WITH RECURSIVE queues AS (
    (SELECT t.type, t.tenant_id, t.turn_agent FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL
      ORDER BY t.type, t.tenant_id, t.turn_agent LIMIT 1)
    UNION ALL
    SELECT n.type, n.tenant_id, n.turn_agent FROM queues q, LATERAL (
      SELECT t.type, t.tenant_id, t.turn_agent FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL
        AND (t.type, t.tenant_id, t.turn_agent) > (q.type, q.tenant_id, q.turn_agent)
      ORDER BY t.type, t.tenant_id, t.turn_agent LIMIT 1) AS n
  ), mine AS MATERIALIZED (
    SELECT * FROM queues WHERE type = ANY (p_types)
  ), flying AS MATERIALIZED (
    SELECT t.tenant_id, g.agent_id, count(*) AS n
    FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.status = 'IN_PROGRESS' GROUP BY t.tenant_id, g.agent_id
  ), rooms AS MATERIALIZED (
    SELECT m.type, m.tenant_id, m.turn_agent, p_of_agent - coalesce(f.n, 0) AS of_agent,
      p_of_tenant - coalesce((SELECT sum(c.n) FROM flying c WHERE c.tenant_id = m.tenant_id), 0)
        AS of_tenant
    FROM mine m LEFT JOIN flying f ON f.tenant_id = m.tenant_id AND f.agent_id = m.turn_agent
    WHERE NOT EXISTS (SELECT FROM tenants p WHERE p.id = m.tenant_id AND p.status = 'PAUSED')
      AND NOT EXISTS (SELECT FROM agents p
        WHERE p.tenant_id = m.tenant_id AND p.id = m.turn_agent AND p.status = 'PAUSED')
  ), found AS (
    SELECT x.id, r.tenant_id, x.turn, r.of_agent, r.of_tenant,
      row_number() OVER (PARTITION BY r.tenant_id ORDER BY x.turn, x.id) AS lap,
      row_number() OVER (PARTITION BY r.tenant_id, r.turn_agent ORDER BY x.turn, x.id) AS place
    FROM rooms r, LATERAL (
      -- A question for each row, not a join: that might begin with the goals and read the queue.
      SELECT t.id, t.turn FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL AND t.type = r.type
        AND t.tenant_id = r.tenant_id AND t.turn_agent = r.turn_agent
        AND (SELECT g.status IN ('PLANNED', 'ACTIVE') AND NOT EXISTS (SELECT FROM campaigns p
            WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
          FROM goals g WHERE g.tenant_id = t.tenant_id AND g.id = t.goal_id)
      ORDER BY t.turn
      LIMIT greatest(0, least(r.of_agent, r.of_tenant, p_most,
        greatest(16, 4 * p_most / (SELECT count(*) FROM mine))))) AS x
  )
  SELECT f.id, f.tenant_id FROM found f WHERE f.place <= f.of_agent AND f.lap <= f.of_tenant
  ORDER BY f.lap, f.turn, f.id LIMIT p_most;
END
$function$;

CREATE OR REPLACE FUNCTION public.plans_lost(p_most integer)
 RETURNS TABLE(tenant_id uuid, id text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT tenant_id, id FROM goals
  WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
    AND lease_until < now() ORDER BY received_at LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.protect_batches()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  machine constant text := '''00000000-0000-7000-8000-000000000001''';
  -- %1$s is the row's tenant.
  among constant text := 'coalesce((SELECT current_tenants())'
    '[width_bucket(%1$s, (SELECT current_tenants()))] = %1$s, false)';
  t record;
BEGIN
  GRANT USAGE ON SCHEMA public TO chimera_swarm;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chimera_swarm;
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO chimera_swarm;
  -- What only people write, through the gateway or the owner's own commands.
  REVOKE INSERT, UPDATE, DELETE ON schema_migrations, record_incarnation, record_restores, tenants,
    users, policies, registry_entries, personas, budget_caps, budget_defaults FROM chimera_swarm;
  REVOKE ALL ON api_tokens FROM chimera_swarm;

  FOR t IN
    SELECT c.relname AS name, a.attname AS tenant, a.attnotnull AS is_sure,
      pg_get_expr(p.polqual, c.oid) AS visible
    FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
      AND a.attname = CASE WHEN c.relname = 'tenants' THEN 'id' ELSE 'tenant_id' END
    WHERE c.relnamespace = 'public'::regnamespace AND p.polname = 'one_tenant'
      AND NOT EXISTS (SELECT FROM pg_policy o
        WHERE o.polrelid = c.oid AND o.polname = 'batch_tenants')
  LOOP
    EXECUTE format('CREATE POLICY batch_tenants ON %I TO chimera_swarm USING (%s)', t.name,
      CASE WHEN t.tenant IS NULL THEN t.visible
        WHEN t.is_sure THEN format(among, quote_ident(t.tenant))
        ELSE format(among, format('coalesce(%I, %s)', t.tenant, machine))
        END);
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION public.protect_from_gateway()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM protect_one_tenant();
  REVOKE ALL ON sweep_overview FROM chimera_gateway;
END $function$;

CREATE OR REPLACE FUNCTION public.protect_from_swarm()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM protect_batches();
  GRANT SELECT (id, tenant_id, user_id, scopes, roles, expires_at, revoked_at) ON api_tokens
    TO chimera_swarm;
END $function$;

CREATE OR REPLACE FUNCTION public.protect_one_tenant()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
DECLARE
  own constant text := '(SELECT current_tenant())';
  -- Rows of nobody, such as dead letters that named no tenant, are the machine's own.
  machine constant text := '''00000000-0000-7000-8000-000000000001''';
  t record;
BEGIN
  GRANT USAGE ON SCHEMA public TO chimera_gateway;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO chimera_gateway;
  REVOKE INSERT, UPDATE, DELETE ON schema_migrations, record_incarnation, stream_marker,
    record_restores FROM chimera_gateway;
  GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO chimera_gateway;

  FOR t IN
    SELECT c.relname AS name, a.attnotnull AS is_sure
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT a.attisdropped
      AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'one_tenant')
  LOOP
    PERFORM protect_table(t.name, CASE WHEN t.is_sure THEN 'tenant_id = ' || own
      ELSE format('coalesce(tenant_id, %s) = %s', machine, own) END);
  END LOOP;

  FOR t IN
    SELECT DISTINCT ON (c.oid) c.relname AS name, a.attname AS child, p.relname AS parent,
      k.attname AS key
    FROM pg_constraint f
    JOIN pg_class c ON c.oid = f.conrelid
    JOIN pg_class p ON p.oid = f.confrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = f.conkey[1]
    JOIN pg_attribute k ON k.attrelid = p.oid AND k.attnum = f.confkey[1]
    WHERE f.contype = 'f' AND cardinality(f.conkey) = 1
      AND c.relnamespace = 'public'::regnamespace
      AND EXISTS (SELECT FROM pg_attribute o WHERE o.attrelid = p.oid AND o.attname = 'tenant_id')
      AND NOT EXISTS (SELECT FROM pg_attribute o
        WHERE o.attrelid = c.oid AND o.attname = 'tenant_id' AND NOT o.attisdropped)
      AND NOT EXISTS (SELECT FROM pg_policy y WHERE y.polrelid = c.oid AND y.polname = 'one_tenant')
    ORDER BY c.oid, f.conname
  LOOP
    -- The parent's own policy decides which of its rows there are.
    PERFORM protect_table(t.name, format('EXISTS (SELECT FROM %I parent WHERE parent.%I = %I.%I)',
      t.parent, t.key, t.name, t.child));
  END LOOP;
END $function$;

CREATE OR REPLACE FUNCTION public.protect_table(p_table name, p_visible text)
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('DROP POLICY IF EXISTS owner ON %I', p_table);
  EXECUTE format('CREATE POLICY owner ON %I TO %I USING (true)', p_table, current_user);
  EXECUTE format('DROP POLICY IF EXISTS one_tenant ON %I', p_table);
  EXECUTE format('CREATE POLICY one_tenant ON %I TO chimera_gateway USING (%s)',
    p_table, p_visible);
END $function$;

CREATE OR REPLACE FUNCTION public.protect_tenants()
 RETURNS void
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM protect_from_gateway();
  PERFORM protect_from_swarm();
END $function$;

CREATE OR REPLACE FUNCTION public.raise_house_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  UPDATE house_versions SET version = version + 1
    WHERE tenant_id = NEW.tenant_id AND subject = TG_ARGV[0];
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.receipts_to_judge(p_age_ms double precision, p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, created_at::text AS at FROM receipts
  WHERE judged_at IS NULL AND created_at < now() - p_age_ms * interval '1 millisecond'
    AND created_at >= p_after
    AND (created_at, id) > (p_after, p_after_id)
  ORDER BY created_at, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION '% of % is refused: the table is insert-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_house_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed: a change is a new version', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_move()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'row % of % may not move from % to %',
    NEW.id, TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_overspending()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'the % of % % may not grow to % of %', NEW.asset, NEW.scope, NEW.scope_id,
    NEW.spent + NEW.reserved + NEW.carried, NEW.cap USING ERRCODE = 'check_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_same_version()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  RAISE EXCEPTION 'a change of % needs a new version_id', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $function$;

CREATE OR REPLACE FUNCTION public.settlements_open(p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s.id, e.tenant_id
  FROM effect_settlements s
  JOIN effects e ON e.id = s.effect_id
  JOIN tool_accounts a ON a.account = e.account
  WHERE s.done_at IS NULL AND a.boot IS NOT NULL AND e.grant_id IS NOT NULL
  ORDER BY s.requested_at, s.id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.stray_receipts(p_receipts uuid[])
 RETURNS TABLE(id uuid, jws text, carried_by text)
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT r.id, r.jws, r.carried_by FROM receipts r
  WHERE r.id = ANY (p_receipts) AND r.judged_at IS NULL
    AND NOT EXISTS (SELECT FROM effects e WHERE e.grant_id = r.grant_id)
$function$;

CREATE OR REPLACE FUNCTION public.tasks_due(p_within_ms double precision, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, phase text, run_at_ms double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT * FROM (
    SELECT t.id, t.tenant_id, t.phase, (extract(epoch FROM t.run_at) * 1000)::float8 AS due_ms
    FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.phase = 'ready' AND t.run_at IS NOT NULL AND coalesce(t.run_at, t.ready_at) <= now()
      AND coalesce(t.run_at, t.ready_at) > now() - p_within_ms * interval '1 millisecond'
      AND g.status IN ('PLANNED', 'ACTIVE')
      AND NOT (EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM campaigns p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM agents p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED'))
    UNION ALL
    SELECT id, tenant_id, phase, (extract(epoch FROM run_at) * 1000)::float8
    FROM tasks
    WHERE phase = 'judging' AND run_at IS NOT NULL AND coalesce(run_at, result_at) <= now()
      AND coalesce(run_at, result_at) > now() - p_within_ms * interval '1 millisecond'
  ) AS due ORDER BY due_ms, id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.tasks_held(p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, coalesce(run_at, result_at)::text AS at FROM tasks
  WHERE phase = 'judging' AND coalesce(run_at, result_at) > now()
    AND coalesce(run_at, result_at) >= p_after
    AND (coalesce(run_at, result_at), id) > (p_after, p_after_id)
    AND waiting_on ->> 'unblock' = 'chimera tools ls'
  ORDER BY coalesce(run_at, result_at), id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.tasks_ready(p_types text[], p_age_ms double precision, p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT t.id, t.tenant_id, coalesce(t.run_at, t.ready_at)::text AS at
  FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
  WHERE t.phase = 'ready' AND coalesce(t.run_at, t.ready_at) <= now() AND t.type = ANY (p_types)
    AND g.status IN ('PLANNED', 'ACTIVE')
    AND NOT (EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM campaigns p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM agents p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED'))
    AND coalesce(t.run_at, t.ready_at) < now() - p_age_ms * interval '1 millisecond'
    AND coalesce(t.run_at, t.ready_at) >= p_after
    AND (coalesce(t.run_at, t.ready_at), t.id) > (p_after, p_after_id)
  ORDER BY coalesce(t.run_at, t.ready_at), t.id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.tasks_to_judge(p_age_ms double precision, p_after timestamp with time zone, p_after_id uuid, p_most integer)
 RETURNS TABLE(id uuid, tenant_id uuid, at text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, coalesce(run_at, result_at)::text AS at FROM tasks
  WHERE phase = 'judging' AND coalesce(run_at, result_at) <= now()
    AND coalesce(run_at, result_at) < now() - p_age_ms * interval '1 millisecond'
    AND coalesce(run_at, result_at) >= p_after
    AND (coalesce(run_at, result_at), id) > (p_after, p_after_id)
  ORDER BY coalesce(run_at, result_at), id LIMIT p_most;
END $function$;

CREATE OR REPLACE FUNCTION public.tenants_of_effects(p_effects uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT DISTINCT tenant_id FROM effects WHERE id = ANY (p_effects) $function$;

CREATE OR REPLACE FUNCTION public.tenants_of_grants(p_grants uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT DISTINCT tenant_id FROM effects WHERE grant_id = ANY (p_grants) $function$;

CREATE OR REPLACE FUNCTION public.tenants_of_keys(p_keys text[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT DISTINCT tenant_id FROM effects WHERE effect_key = ANY (p_keys) $function$;

CREATE OR REPLACE FUNCTION public.tenants_of_leases(p_worker text, p_most integer)
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT DISTINCT tenant_id FROM (SELECT tenant_id FROM tasks
    WHERE status = 'IN_PROGRESS' AND lease_owner = p_worker ORDER BY id LIMIT p_most) AS own $function$;

CREATE OR REPLACE FUNCTION public.tenants_of_receipts(p_receipts uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT DISTINCT e.tenant_id FROM receipts r JOIN effects e USING (grant_id)
  WHERE r.id = ANY (p_receipts)
$function$;

CREATE OR REPLACE FUNCTION public.tenants_of_settlements(p_settlements uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  SELECT DISTINCT e.tenant_id FROM effect_settlements s JOIN effects e ON e.id = s.effect_id
  WHERE s.id = ANY (p_settlements)
$function$;

CREATE OR REPLACE FUNCTION public.tenants_of_tasks(p_tasks uuid[])
 RETURNS SETOF uuid
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$ SELECT DISTINCT tenant_id FROM tasks WHERE id = ANY (p_tasks) $function$;

CREATE OR REPLACE FUNCTION public.text_key(words text)
 RETURNS text
 LANGUAGE sql
 IMMUTABLE PARALLEL SAFE STRICT
AS $function$
  SELECT md5(btrim(regexp_replace(normalize(words, NFC), '\s+', ' ', 'g')))
$function$;

CREATE OR REPLACE FUNCTION public.turns_wait(p_types text[])
 RETURNS boolean
 LANGUAGE sql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
 SET enable_seqscan TO 'off'
AS $function$
  SELECT EXISTS (SELECT FROM unnest(p_types) AS wanted(type), LATERAL (
    SELECT FROM tasks t WHERE t.phase = 'ready' AND t.turn IS NOT NULL AND t.type = wanted.type
    LIMIT 1) AS found)
$function$;

CREATE OR REPLACE FUNCTION public.wake_for_room(p_accounts text[], p_tools text[], p_most integer)
 RETURNS SETOF uuid
 LANGUAGE sql
 SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
  WITH freed AS (
    SELECT DISTINCT account, tool FROM unnest(p_accounts, p_tools) AS f(account, tool)
  ), room AS (
    SELECT account AS waits_for, p_most - (SELECT count(*) FROM effects e
      WHERE e.account = f.account AND e.state = 'GRANTED') AS n
    FROM (SELECT DISTINCT account FROM freed) AS f
    UNION ALL
    SELECT account || ' ' || tool, CASE
        WHEN c.until IS NULL THEN p_most
        WHEN c.until <= now() THEN 1
        ELSE 0
      END - (SELECT count(*) FROM effects e WHERE e.account = f.account
        AND e.tool = f.tool AND e.state = 'GRANTED')
    FROM freed f LEFT JOIN account_cooldowns c USING (account, tool)
  ), due AS (
    SELECT t.id FROM room r CROSS JOIN LATERAL (
      SELECT id FROM tasks WHERE phase = 'judging' AND waits_for = r.waits_for
      ORDER BY result_at LIMIT greatest(r.n, 0) FOR UPDATE SKIP LOCKED) t
  )
  UPDATE tasks t SET run_at = now(), waits_for = NULL, version_id = new_version()
  FROM due WHERE t.id = due.id RETURNING t.id
$function$;

CREATE OR REPLACE FUNCTION public.window_values(p_keys text[], p_tenants uuid[], p_measures text[], p_pers text[], p_subjects text[], p_seconds double precision[], p_tools text[], p_money text[])
 RETURNS TABLE(key text, held numeric, unsaid boolean)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM assert_batch(p_tenants);
  RETURN QUERY SELECT w.key, coalesce(c.held, 0), c.unsaid
  FROM unnest(p_keys, p_tenants, p_measures, p_pers, p_subjects, p_seconds, p_tools)
    AS w(key, tenant_id, measure, per, subject, seconds, tools)
  LEFT JOIN LATERAL (
    SELECT sum(CASE w.measure WHEN 'effects' THEN 1 WHEN 'usd' THEN coalesce(d.usd_micros, 0)
        ELSE CASE WHEN d.asset = w.measure THEN coalesce(d.amount, 0) ELSE 0 END END) AS held,
      bool_or(w.measure <> 'effects' AND (d.effect_id IS NULL AND e.tool = ANY (p_money)
        OR w.measure = 'usd' AND d.amount IS NOT NULL AND d.usd_micros IS NULL)) AS unsaid
    FROM effects e
    JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
    LEFT JOIN policy_decisions d ON d.effect_id = e.id
    WHERE e.tenant_id = w.tenant_id AND e.tool = ANY (string_to_array(w.tools, ','))
      AND (e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN') OR (e.state = 'CONFIRMED'
        AND coalesce(e.claimed_at, e.granted_at) > now() - w.seconds * interval '1 second'))
      AND CASE w.per WHEN 'tenant' THEN true WHEN 'agent' THEN g.agent_id = w.subject
        WHEN 'campaign' THEN g.campaign_id IS NOT DISTINCT FROM w.subject
        WHEN 'goal' THEN e.goal_id = w.subject WHEN 'account' THEN e.account = w.subject
        ELSE d.recipient IS NOT DISTINCT FROM w.subject
          OR (d.effect_id IS NULL AND e.tool = ANY (p_money)) END
  ) AS c ON true;
END $function$;

CREATE OR REPLACE FUNCTION public.words_said(p_tenants uuid[], p_goals text[], p_slots text[], p_words text[], p_answers text[], p_days integer)
 RETURNS TABLE(goal_id text, slot text, account text)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'public', 'pg_temp'
AS $function$
#variable_conflict use_column
BEGIN
  PERFORM assert_batch(p_tenants);
  -- EXISTS: a thousand who say the same are not compared with each other, one match is enough.
  RETURN QUERY SELECT w.goal_id, w.slot, b.account
  FROM unnest(p_tenants, p_goals, p_slots, p_words, p_answers)
    AS w(tenant_id, goal_id, slot, words, answers)
  JOIN (SELECT DISTINCT tenant_id, account FROM tool_bindings
    WHERE tool IN ('post_tweet', 'reply_tweet')) AS b USING (tenant_id)
  WHERE EXISTS (SELECT FROM effects e
    WHERE text_key(e.args ->> 'text') = text_key(w.words) AND e.account = b.account
      AND e.created_at > now() - p_days * interval '1 day'
      AND e.tool IN ('post_tweet', 'reply_tweet') AND e.tenant_id = w.tenant_id
      AND e.state IN ('GRANTED', 'CONFIRMED', 'UNKNOWN', 'NEEDS_HUMAN') AND e.mode <> 'dry'
      AND (e.goal_id, e.slot) IS DISTINCT FROM (w.goal_id, w.slot)
      AND (e.args ->> 'in_reply_to') IS NOT DISTINCT FROM w.answers);
END $function$;

-- triggers

CREATE TRIGGER agents_version BEFORE UPDATE ON public.agents FOR EACH ROW WHEN ((new.version_id = old.version_id)) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER approval_words_insert_only BEFORE DELETE OR UPDATE ON public.approval_words FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER approvals_binding_is_frozen BEFORE UPDATE ON public.approvals FOR EACH ROW WHEN (((((((((((new.effect_key IS DISTINCT FROM old.effect_key) OR (new.args_hash IS DISTINCT FROM old.args_hash)) OR (new.mode IS DISTINCT FROM old.mode)) OR (new.policy_version IS DISTINCT FROM old.policy_version)) OR (new.args IS DISTINCT FROM old.args)) OR (new.expires_at IS DISTINCT FROM old.expires_at)) OR (new.requester IS DISTINCT FROM old.requester)) OR (new.needed IS DISTINCT FROM old.needed)) OR (new.not_requester IS DISTINCT FROM old.not_requester)) OR (new.account IS DISTINCT FROM old.account) OR (new.editor IS DISTINCT FROM old.editor) OR (new.definition_hash IS DISTINCT FROM old.definition_hash) OR ((old.withdrawn_at IS NOT NULL) AND (new.withdrawn_at IS DISTINCT FROM old.withdrawn_at)))) EXECUTE FUNCTION refuse_move('state');
CREATE TRIGGER approvals_end_is_final BEFORE UPDATE ON public.approvals FOR EACH ROW WHEN (((old.state <> 'REQUESTED'::text) AND (new.state <> old.state))) EXECUTE FUNCTION refuse_move('state');
CREATE TRIGGER approvals_stay BEFORE DELETE ON public.approvals FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER audit_entries_insert_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_entries FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER budget_caps_change BEFORE INSERT OR DELETE OR UPDATE ON public.budget_caps FOR EACH STATEMENT EXECUTE FUNCTION hold_reservations();
CREATE TRIGGER budgets_grow_within_cap BEFORE UPDATE ON public.budgets FOR EACH ROW WHEN ((((new.spent + new.reserved) > (old.spent + old.reserved)) AND (((new.spent + new.reserved) + new.carried) > new.cap))) EXECUTE FUNCTION refuse_overspending();
CREATE TRIGGER campaigns_end_is_final BEFORE UPDATE ON public.campaigns FOR EACH ROW WHEN (((old.status = 'COMPLETED'::text) AND (new.status <> old.status))) EXECUTE FUNCTION refuse_move('status');
CREATE TRIGGER campaigns_version BEFORE UPDATE ON public.campaigns FOR EACH ROW WHEN ((new.version_id = old.version_id)) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER effects_identity_is_frozen BEFORE UPDATE ON public.effects FOR EACH ROW WHEN (((new.effect_key <> old.effect_key) OR (((new.round <> old.round) OR ((old.grant_id IS NOT NULL) AND ((new.grant_id IS DISTINCT FROM old.grant_id) OR (new.args_hash <> old.args_hash)))) AND (NOT ((old.state = ANY (ARRAY['GRANTED'::text, 'UNKNOWN'::text, 'NEEDS_HUMAN'::text])) AND (old.adopted_from IS NULL) AND (NOT (new.adopted_from IS DISTINCT FROM old.grant_id))))))) EXECUTE FUNCTION refuse_move('state');
CREATE TRIGGER effects_moves BEFORE UPDATE ON public.effects FOR EACH ROW WHEN ((new.state <> old.state)) EXECUTE FUNCTION check_effect_move();
CREATE TRIGGER effects_rest_on_approvals BEFORE INSERT ON public.effects FOR EACH ROW WHEN (((new.state = 'GRANTED'::text) AND (cardinality(new.approvals) > 0))) EXECUTE FUNCTION check_granted_approvals();
CREATE TRIGGER effects_stay BEFORE DELETE ON public.effects FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER effects_waited_for_approvals BEFORE UPDATE ON public.effects FOR EACH ROW WHEN (((new.state = 'GRANTED'::text) AND (old.state = ANY (ARRAY['PROPOSED'::text, 'AWAITING_APPROVAL'::text])))) EXECUTE FUNCTION check_granted_approvals();
CREATE TRIGGER fences_only_rise BEFORE UPDATE ON public.fences FOR EACH ROW WHEN (((new.epoch < old.epoch) OR ((new.stopped <> old.stopped) AND (new.epoch = old.epoch)))) EXECUTE FUNCTION check_fence();
CREATE TRIGGER goal_replans_insert_only BEFORE DELETE OR UPDATE ON public.goal_replans FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER goals_content_is_frozen BEFORE UPDATE ON public.goals FOR EACH ROW WHEN (((new.content_hash <> old.content_hash) OR (new.mode <> old.mode) OR (new.trust <> old.trust))) EXECUTE FUNCTION refuse_move('content_hash');
CREATE TRIGGER goals_end_is_final BEFORE UPDATE ON public.goals FOR EACH ROW WHEN (((old.status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text, 'CANCELLED'::text])) AND (new.status <> old.status))) EXECUTE FUNCTION refuse_move('status');
CREATE TRIGGER kill_levels_only_rise BEFORE DELETE OR UPDATE ON public.kill_levels FOR EACH ROW EXECUTE FUNCTION check_kill();
CREATE TRIGGER opinions_kept BEFORE UPDATE ON public.opinions FOR EACH ROW WHEN ((old.answer IS NOT NULL)) EXECUTE FUNCTION keep_opinion();
CREATE TRIGGER opinions_stay BEFORE DELETE ON public.opinions FOR EACH ROW EXECUTE FUNCTION keep_opinion();
CREATE TRIGGER personas_insert_only BEFORE DELETE OR UPDATE ON public.personas FOR EACH ROW EXECUTE FUNCTION refuse_house_change();
CREATE TRIGGER personas_version AFTER INSERT ON public.personas FOR EACH ROW EXECUTE FUNCTION raise_house_version('persona');
CREATE TRIGGER policies_insert_only BEFORE DELETE OR UPDATE ON public.policies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipts_stay BEFORE DELETE ON public.receipts FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER registry_entries_insert_only BEFORE UPDATE ON public.registry_entries FOR EACH ROW WHEN (((old.removed_at IS NOT NULL) OR (new.removed_at IS NULL) OR ((((((((new.tenant_id IS DISTINCT FROM old.tenant_id) OR (new.kind IS DISTINCT FROM old.kind)) OR (new.name IS DISTINCT FROM old.name)) OR (new.version IS DISTINCT FROM old.version)) OR (new.value IS DISTINCT FROM old.value)) OR (new.note IS DISTINCT FROM old.note)) OR (new.added_by IS DISTINCT FROM old.added_by)) OR (new.added_at IS DISTINCT FROM old.added_at)))) EXECUTE FUNCTION refuse_house_change();
CREATE TRIGGER registry_entries_never_deleted BEFORE DELETE ON public.registry_entries FOR EACH ROW EXECUTE FUNCTION refuse_house_change();
CREATE TRIGGER registry_entries_version AFTER INSERT OR UPDATE ON public.registry_entries FOR EACH ROW EXECUTE FUNCTION raise_house_version('registry');
CREATE TRIGGER slots_insert_only BEFORE DELETE OR UPDATE ON public.slots FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_dependencies_insert_only BEFORE DELETE OR UPDATE ON public.task_dependencies FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_payloads_insert_only BEFORE DELETE OR UPDATE ON public.task_payloads FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_results_insert_only BEFORE DELETE OR UPDATE ON public.task_results FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tasks_end_is_final BEFORE UPDATE ON public.tasks FOR EACH ROW WHEN (((old.status = ANY (ARRAY['COMPLETED'::text, 'FAILED'::text])) AND (new.status <> old.status))) EXECUTE FUNCTION refuse_move('status');
CREATE TRIGGER tasks_stay BEFORE DELETE ON public.tasks FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tenants_house_versions AFTER INSERT ON public.tenants FOR EACH ROW EXECUTE FUNCTION begin_house_versions();
CREATE TRIGGER tenants_keep_trail BEFORE DELETE ON public.tenants FOR EACH ROW EXECUTE FUNCTION keep_trail();
CREATE TRIGGER tenants_policy_only_rises BEFORE UPDATE ON public.tenants FOR EACH ROW WHEN ((new.policy_version < old.policy_version)) EXECUTE FUNCTION refuse_change();
CREATE TRIGGER tenants_version BEFORE UPDATE ON public.tenants FOR EACH ROW WHEN ((new.version_id = old.version_id)) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER users_version BEFORE UPDATE ON public.users FOR EACH ROW WHEN ((new.version_id = old.version_id)) EXECUTE FUNCTION refuse_same_version();

-- policies

CREATE POLICY batch_tenants ON agents TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON agents TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON api_tokens TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON api_tokens TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON approval_words TO chimera_swarm USING ((EXISTS ( SELECT
   FROM approvals parent
  WHERE (parent.id = approval_words.approval_id)))); -- forced
CREATE POLICY one_tenant ON approval_words TO chimera_gateway USING ((EXISTS ( SELECT
   FROM approvals parent
  WHERE (parent.id = approval_words.approval_id)))); -- forced
CREATE POLICY batch_tenants ON approvals TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON approvals TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON asset_prices TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON asset_prices TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON audit_entries TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON audit_entries TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY trail_of_house ON audit_entries FOR INSERT TO chimera_swarm WITH CHECK ((tenant_id = '00000000-0000-7000-8000-000000000001'::uuid)); -- forced
CREATE POLICY batch_tenants ON budget_caps TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON budget_caps TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON budget_reservations TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON budget_reservations TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON budgets TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON budgets TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON campaigns TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON campaigns TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON dead_letters TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(COALESCE(tenant_id, '00000000-0000-7000-8000-000000000001'::uuid), ( SELECT current_tenants() AS current_tenants))] = COALESCE(tenant_id, '00000000-0000-7000-8000-000000000001'::uuid)), false)); -- forced
CREATE POLICY one_tenant ON dead_letters TO chimera_gateway USING ((COALESCE(tenant_id, '00000000-0000-7000-8000-000000000001'::uuid) = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON effect_settlements TO chimera_swarm USING ((EXISTS ( SELECT
   FROM effects parent
  WHERE (parent.id = effect_settlements.effect_id)))); -- forced
CREATE POLICY one_tenant ON effect_settlements TO chimera_gateway USING ((EXISTS ( SELECT
   FROM effects parent
  WHERE (parent.id = effect_settlements.effect_id)))); -- forced
CREATE POLICY batch_tenants ON effects TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON effects TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON goal_replans TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON goal_replans TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON goals TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON goals TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON house_versions TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON house_versions TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON idempotency_keys TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON idempotency_keys TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON memories TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON memories TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON memory_labels TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON memory_labels TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON memory_outbox TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON memory_outbox TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON memory_shelves TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON memory_shelves TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON model_spends TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON model_spends TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON opinions TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON opinions TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON personas TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON personas TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON policies TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON policies TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON policy_decisions TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON policy_decisions TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON receipts TO chimera_swarm USING ((EXISTS ( SELECT
   FROM effects e
  WHERE (e.grant_id = receipts.grant_id)))); -- forced
CREATE POLICY one_tenant ON receipts TO chimera_gateway USING ((EXISTS ( SELECT
   FROM effects e
  WHERE (e.grant_id = receipts.grant_id)))); -- forced
CREATE POLICY receipts_of_nobody ON receipts FOR INSERT TO chimera_swarm WITH CHECK (is_stray(grant_id)); -- forced
CREATE POLICY batch_tenants ON registry_entries TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON registry_entries TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON slots TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON slots TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON task_dependencies TO chimera_swarm USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_dependencies.child_id)))); -- forced
CREATE POLICY one_tenant ON task_dependencies TO chimera_gateway USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_dependencies.child_id)))); -- forced
CREATE POLICY batch_tenants ON task_payloads TO chimera_swarm USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_payloads.task_id)))); -- forced
CREATE POLICY one_tenant ON task_payloads TO chimera_gateway USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_payloads.task_id)))); -- forced
CREATE POLICY batch_tenants ON task_results TO chimera_swarm USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_results.task_id)))); -- forced
CREATE POLICY one_tenant ON task_results TO chimera_gateway USING ((EXISTS ( SELECT
   FROM tasks parent
  WHERE (parent.id = task_results.task_id)))); -- forced
CREATE POLICY batch_tenants ON tasks TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON tasks TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON tenants TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(id, ( SELECT current_tenants() AS current_tenants))] = id), false)); -- forced
CREATE POLICY one_tenant ON tenants TO chimera_gateway USING (((id = ( SELECT current_tenant() AS current_tenant)) OR (current_setting('chimera.house'::text, true) = 'on'::text))); -- forced
CREATE POLICY batch_tenants ON tool_bindings TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON tool_bindings TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
CREATE POLICY batch_tenants ON users TO chimera_swarm USING (COALESCE(((( SELECT current_tenants() AS current_tenants))[width_bucket(tenant_id, ( SELECT current_tenants() AS current_tenants))] = tenant_id), false)); -- forced
CREATE POLICY one_tenant ON users TO chimera_gateway USING ((tenant_id = ( SELECT current_tenant() AS current_tenant))); -- forced
