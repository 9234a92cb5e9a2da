-- Policies (design.md section 6): versions are insert-only, and the tenant's row says which one is in
-- force. 0 is the one that ships with the product (infra/policies/default-policy.ts); a version whose
-- row is missing or cannot be read denies everything.
ALTER TABLE tenants
  ADD COLUMN policy_version int NOT NULL DEFAULT 0 CHECK (policy_version >= 0);

CREATE TABLE policies (
  tenant_id uuid NOT NULL REFERENCES tenants,
  version int NOT NULL CHECK (version >= 1),
  -- As it was written, and as it was read.
  source text NOT NULL,
  document jsonb NOT NULL,
  hash text NOT NULL,
  note text,
  actor text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, version)
);

CREATE TRIGGER policies_insert_only BEFORE UPDATE OR DELETE ON policies
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- A version in force is never replaced by an older one: a rollback is a new version.
CREATE TRIGGER tenants_policy_only_rises BEFORE UPDATE ON tenants FOR EACH ROW
  WHEN (NEW.policy_version < OLD.policy_version) EXECUTE FUNCTION refuse_change();

-- What the policy said of each round, by which version and rules, and the figures that windows sum.
CREATE TABLE policy_decisions (
  effect_id uuid PRIMARY KEY REFERENCES effects,
  tenant_id uuid NOT NULL,
  policy text NOT NULL,
  version int NOT NULL,
  decision text NOT NULL CHECK (decision IN ('allow', 'deny', 'require_approval')),
  code text NOT NULL,
  rules text[] NOT NULL,
  -- The whole request, with the windows as they were and the price with its time.
  request jsonb NOT NULL,
  asset text,
  amount numeric CHECK (amount >= 0),
  usd_micros numeric CHECK (usd_micros >= 0),
  recipient text,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX policy_decisions_newest ON policy_decisions (tenant_id, created_at DESC, effect_id);

-- Windows count these; open ones however old they are.
CREATE INDEX effects_counted_open ON effects (tenant_id, tool)
  WHERE state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN');
CREATE INDEX effects_counted_done ON effects (tenant_id, tool, (coalesce(claimed_at, granted_at)))
  WHERE state = 'CONFIRMED';

-- What a whole unit of an asset is worth, and when that was said. The newest counts, while it is
-- fresh enough for the policy.
CREATE TABLE asset_prices (
  tenant_id uuid NOT NULL REFERENCES tenants,
  asset text NOT NULL CHECK (asset ~ '^[A-Z][A-Z0-9]{1,11}$'),
  taken_at timestamptz NOT NULL,
  decimals int NOT NULL CHECK (decimals BETWEEN 0 AND 36),
  usd_micros numeric NOT NULL CHECK (usd_micros > 0),
  source text NOT NULL,
  actor text NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (tenant_id, asset, taken_at)
);
