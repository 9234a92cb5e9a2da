-- The record (design.md sections 2-6). Rows that move carry a version_id, new at every write, and the id
-- of the audit entry that moved them. Payloads, results and receipts are insert-only beside them.

CREATE TABLE tenants (
  id uuid PRIMARY KEY,
  name text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO tenants (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'default');

-- One row: the life of this record between restores. A restored record gets a new incarnation.
CREATE TABLE record_incarnation (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  incarnation uuid NOT NULL DEFAULT gen_random_uuid(),
  since timestamptz NOT NULL DEFAULT now()
);

INSERT INTO record_incarnation DEFAULT VALUES;

-- One row: what Redis was last known by. Another marker there means that Redis lost its memory.
CREATE TABLE stream_marker (
  is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
  marker text NOT NULL,
  set_at timestamptz NOT NULL DEFAULT now()
);

-- One entry per transaction and tenant; never changed, never deleted.
CREATE TABLE audit_entries (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  actor text NOT NULL,
  items jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE goals (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id text NOT NULL CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'),
  version_id uuid NOT NULL,
  status text NOT NULL CHECK (
    status IN ('RECEIVED', 'PLANNED', 'ACTIVE', 'PAUSED', 'COMPLETED', 'FAILED', 'CANCELLED')),
  paused_from text CHECK (paused_from IN ('RECEIVED', 'PLANNED', 'ACTIVE')),
  mode text NOT NULL CHECK (mode IN ('dry', 'paper', 'live')),
  agent_id text NOT NULL,
  campaign_id text,
  source text NOT NULL CHECK (source IN ('stream', 'http', 'cli', 'mcp')),
  trust text NOT NULL CHECK (trust IN ('owner', 'untrusted')),
  -- The goal as it was accepted, and the hash that tells the same goal from another with its id.
  content jsonb NOT NULL,
  content_hash text NOT NULL,
  plan_hash text,
  waiting_on jsonb,
  failure jsonb,
  tasks_total int NOT NULL DEFAULT 0,
  tasks_open int NOT NULL DEFAULT 0 CHECK (tasks_open >= 0),
  tasks_failed int NOT NULL DEFAULT 0,
  -- Planning lease.
  lease_owner text,
  lease_until timestamptz,
  received_at timestamptz NOT NULL DEFAULT now(),
  planned_at timestamptz,
  finished_at timestamptz,
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, id),
  CHECK ((status = 'PAUSED') = (paused_from IS NOT NULL)),
  CHECK ((status IN ('COMPLETED', 'FAILED', 'CANCELLED')) = (finished_at IS NOT NULL)),
  -- Words of strangers never reach a live back end (design.md section 4).
  CHECK (trust = 'owner' OR mode <> 'live')
);

CREATE INDEX goals_received ON goals (received_at) WHERE status = 'RECEIVED';
CREATE INDEX goals_newest ON goals (tenant_id, received_at DESC, id DESC);

-- The effects that a frozen plan may have. Insert-only: a replan cannot widen it.
CREATE TABLE slots (
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  slot text NOT NULL,
  tool text NOT NULL,
  max_effects int NOT NULL DEFAULT 1 CHECK (max_effects > 0),
  PRIMARY KEY (tenant_id, goal_id, slot),
  FOREIGN KEY (tenant_id, goal_id) REFERENCES goals
);

CREATE TABLE tasks (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  version_id uuid NOT NULL,
  type text NOT NULL CHECK (type IN ('RESEARCH', 'CONTENT_GEN', 'TRANSACTION', 'ENGAGEMENT')),
  kind text NOT NULL,
  status text NOT NULL,
  phase text NOT NULL,
  -- Rises at every claim; names the try that a result belongs to.
  attempt int NOT NULL DEFAULT 0,
  max_attempts int NOT NULL DEFAULT 3,
  -- What counts against a task: verdicts that rejected it, RetryableErrors of its own, leases lost.
  rejections int NOT NULL DEFAULT 0,
  retries int NOT NULL DEFAULT 0,
  leases_lost int NOT NULL DEFAULT 0,
  parents_open int NOT NULL DEFAULT 0 CHECK (parents_open >= 0),
  -- Not to be looked at before, by the clock of this database.
  run_at timestamptz,
  lease_owner text,
  lease_until timestamptz,
  confidence double precision CHECK (confidence BETWEEN 0 AND 1),
  waiting_on jsonb,
  feedback text,
  failure jsonb,
  verdict jsonb,
  planned_at timestamptz NOT NULL DEFAULT now(),
  ready_at timestamptz,
  claimed_at timestamptz,
  result_at timestamptz,
  judged_at timestamptz,
  audit_id uuid NOT NULL,
  FOREIGN KEY (tenant_id, goal_id) REFERENCES goals,
  CHECK (
    (status = 'PENDING' AND phase IN ('blocked', 'ready')) OR
    (status = 'IN_PROGRESS' AND phase = 'running') OR
    (status = 'REVIEW' AND phase IN ('judging', 'awaiting_approval', 'granted', 'reconciling')) OR
    (status = 'COMPLETED' AND phase = 'done') OR
    (status = 'FAILED' AND phase IN ('rejected', 'denied', 'cancelled', 'dead'))),
  CHECK ((status = 'IN_PROGRESS') = (lease_owner IS NOT NULL)),
  CHECK ((phase = 'blocked') = (status = 'PENDING' AND parents_open > 0))
) WITH (fillfactor = 80);

CREATE INDEX tasks_of_goal ON tasks (tenant_id, goal_id);
CREATE INDEX tasks_ready ON tasks ((coalesce(run_at, ready_at))) WHERE phase = 'ready';
CREATE INDEX tasks_running ON tasks (lease_until) WHERE status = 'IN_PROGRESS';
CREATE INDEX tasks_judging ON tasks ((coalesce(run_at, result_at))) WHERE phase = 'judging';

CREATE TABLE task_payloads (
  task_id uuid PRIMARY KEY REFERENCES tasks,
  payload jsonb NOT NULL,
  constraints jsonb NOT NULL
);

CREATE TABLE task_dependencies (
  parent_id uuid NOT NULL REFERENCES tasks,
  child_id uuid NOT NULL REFERENCES tasks,
  PRIMARY KEY (parent_id, child_id),
  CHECK (parent_id <> child_id)
);

CREATE INDEX task_dependencies_of_child ON task_dependencies (child_id);

-- What came out of one attempt (contracts/task-result.ts AttemptOutcome), written by its Worker.
CREATE TABLE task_results (
  task_id uuid NOT NULL REFERENCES tasks,
  attempt int NOT NULL,
  worker text NOT NULL,
  outcome jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (task_id, attempt)
);

-- One row per outside account: where its tool server is and what the record knows of it.
CREATE TABLE tool_accounts (
  account text PRIMARY KEY,
  server text NOT NULL,
  url text NOT NULL,
  backend text NOT NULL,
  live boolean NOT NULL,
  -- The boot whose hello was accepted last; grants are made for it.
  boot uuid,
  ledger_id uuid,
  definitions jsonb NOT NULL DEFAULT '{}',
  state text NOT NULL DEFAULT 'closed' CHECK (state IN ('open', 'closed', 'fenced')),
  reason text,
  seen_at timestamptz,
  version_id uuid NOT NULL
);

-- Which account a tool acts on, for an agent ('*' for every agent of the tenant).
CREATE TABLE tool_bindings (
  tenant_id uuid NOT NULL REFERENCES tenants,
  agent_id text NOT NULL,
  tool text NOT NULL,
  account text NOT NULL REFERENCES tool_accounts,
  PRIMARY KEY (tenant_id, agent_id, tool)
);

-- Every start of a tool server that the record has seen.
CREATE TABLE tool_boots (
  boot uuid PRIMARY KEY,
  account text NOT NULL REFERENCES tool_accounts,
  ledger_id uuid NOT NULL,
  -- The ledger's seq when the boot was seen, and what the server said of itself (ToolStatus).
  seq bigint NOT NULL,
  status jsonb NOT NULL,
  -- Signed by the Judge, carried by the Keeper.
  hello text,
  registered_at timestamptz NOT NULL DEFAULT now(),
  opened_at timestamptz
);

CREATE INDEX tool_boots_of_account ON tool_boots (account, registered_at);

-- One row per round of a slot.
CREATE TABLE effects (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL,
  goal_id text NOT NULL,
  task_id uuid NOT NULL REFERENCES tasks,
  attempt int NOT NULL,
  slot text NOT NULL,
  round int NOT NULL CHECK (round >= 1),
  effect_key text NOT NULL,
  version_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN (
    'PROPOSED', 'AWAITING_APPROVAL', 'GRANTED', 'CONFIRMED', 'REFUSED', 'NOT_SENT', 'UNKNOWN',
    'NOT_HAPPENED', 'NEEDS_HUMAN', 'DENIED', 'EXPIRED', 'CANCELLED')),
  tool text NOT NULL,
  account text,
  mode text NOT NULL CHECK (mode IN ('dry', 'paper', 'live')),
  args jsonb NOT NULL,
  args_hash text NOT NULL,
  provenance jsonb NOT NULL,
  code text,
  detail text,
  cost_usd_micros numeric NOT NULL DEFAULT 0 CHECK (cost_usd_micros >= 0),
  -- The grant, exactly as it was signed, and the boot that it was made for.
  grant_id uuid UNIQUE,
  grant_jws text,
  granted_at timestamptz,
  grant_expires_at timestamptz,
  boot uuid,
  -- From the question whether the grant may be voided until the ledger's answer.
  cancelling boolean NOT NULL DEFAULT false,
  void_reason text,
  void_jws text,
  void_boot uuid,
  -- The verified receipt that settled it, or the last one while it is open.
  receipt_state text,
  receipt jsonb,
  receipt_jws text,
  provider_ref text,
  claimed_at timestamptz,
  settled_at timestamptz,
  created_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  UNIQUE (effect_key, round),
  FOREIGN KEY (tenant_id, goal_id, slot) REFERENCES slots,
  -- After GRANTED only the ledger ends an effect (design.md section 5 item 6).
  CHECK (grant_id IS NULL OR state NOT IN ('EXPIRED', 'CANCELLED')
    OR receipt_state IS NOT DISTINCT FROM 'VOID'),
  CHECK (grant_id IS NULL OR state NOT IN ('CONFIRMED', 'REFUSED', 'NOT_SENT', 'NOT_HAPPENED')
    OR receipt_state IS NOT DISTINCT FROM state),
  CHECK (state NOT IN ('GRANTED', 'CONFIRMED', 'REFUSED', 'NOT_SENT', 'UNKNOWN', 'NOT_HAPPENED')
    OR (grant_id IS NOT NULL AND account IS NOT NULL)),
  CHECK (state <> 'DENIED' OR grant_id IS NULL)
);

-- One open round per slot: while it is open no other arguments get a grant.
CREATE UNIQUE INDEX effects_one_open_round ON effects (effect_key) WHERE state IN
  ('PROPOSED', 'AWAITING_APPROVAL', 'GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED');
-- One provider object proves one effect only.
CREATE UNIQUE INDEX effects_one_provider_ref ON effects (account, provider_ref)
  WHERE provider_ref IS NOT NULL;
CREATE INDEX effects_of_task ON effects (task_id);
CREATE INDEX effects_of_goal ON effects (tenant_id, goal_id);
CREATE INDEX effects_open ON effects (account, grant_expires_at) WHERE state IN ('GRANTED', 'UNKNOWN');

-- Inbox of signed receipts as Worker and Keeper brought them: nothing is believed before the Judge has
-- verified it. judged_at and verdict are the only columns that change.
CREATE TABLE receipts (
  id uuid PRIMARY KEY,
  grant_id uuid NOT NULL,
  jws text NOT NULL,
  carried_by text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  judged_at timestamptz,
  verdict text
);

CREATE INDEX receipts_unjudged ON receipts (created_at) WHERE judged_at IS NULL;
CREATE INDEX receipts_of_grant ON receipts (grant_id);

-- Counters, one row per scope, asset and UTC day, without version_id. day is 'epoch' for caps that do not
-- renew (a goal's max_cost_usd).
CREATE TABLE budgets (
  tenant_id uuid NOT NULL REFERENCES tenants,
  scope text NOT NULL CHECK (scope IN ('tenant', 'agent', 'campaign', 'goal')),
  scope_id text NOT NULL,
  asset text NOT NULL,
  day date NOT NULL,
  cap numeric NOT NULL CHECK (cap >= 0),
  reserved numeric NOT NULL DEFAULT 0 CHECK (reserved >= 0),
  spent numeric NOT NULL DEFAULT 0 CHECK (spent >= 0),
  PRIMARY KEY (tenant_id, scope, scope_id, asset, day),
  CHECK (spent + reserved <= cap)
);

-- What each effect holds in which counter, so that settling needs no recomputing.
CREATE TABLE budget_reservations (
  effect_id uuid NOT NULL REFERENCES effects,
  tenant_id uuid NOT NULL,
  scope text NOT NULL,
  scope_id text NOT NULL,
  asset text NOT NULL,
  day date NOT NULL,
  amount numeric NOT NULL CHECK (amount > 0),
  settled numeric,
  PRIMARY KEY (effect_id, scope, scope_id, asset, day),
  FOREIGN KEY (tenant_id, scope, scope_id, asset, day) REFERENCES budgets
);

-- Stops: the epoch only rises; a lower one than the server's never claims.
CREATE TABLE fences (
  scope text PRIMARY KEY,
  epoch bigint NOT NULL CHECK (epoch >= 0),
  stopped boolean NOT NULL,
  reason text,
  actor text NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now()
);

INSERT INTO fences (scope, epoch, stopped, actor) VALUES ('everything', 0, false, 'migration');

CREATE TABLE dead_letters (
  id uuid PRIMARY KEY,
  tenant_id uuid,
  stream text NOT NULL,
  entry_id text NOT NULL,
  -- The first 64 KiB of the entry's fields as JSON text; bytes and sha256 are of the whole.
  payload text NOT NULL,
  bytes int NOT NULL,
  sha256 text NOT NULL,
  code text NOT NULL,
  reason text NOT NULL,
  history jsonb NOT NULL DEFAULT '[]',
  created_at timestamptz NOT NULL DEFAULT now(),
  replayed_at timestamptz,
  UNIQUE (stream, entry_id, sha256)
);

CREATE TABLE api_tokens (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL,
  -- SHA-256 of the token; the token itself is shown once and kept nowhere.
  hash text NOT NULL UNIQUE,
  scopes text[] NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz
);

-- Answers of the HTTP API by Idempotency-Key, written in the transaction of what they answer.
CREATE TABLE idempotency_keys (
  tenant_id uuid NOT NULL REFERENCES tenants,
  principal text NOT NULL,
  route text NOT NULL,
  key text NOT NULL,
  body_hash text NOT NULL,
  status int NOT NULL,
  response jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, principal, route, key)
);
