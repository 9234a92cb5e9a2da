-- Who acts in a tenant and for whom: tenants, users, agents, campaigns (requirements C14 to C20).
-- Rows that move carry a version_id, new at every write, and the id of the audit entry that moved
-- them. PAUSED: nothing of it is claimed or granted.

ALTER TABLE tenants
  ADD COLUMN version_id uuid NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'PAUSED'));

CREATE TABLE users (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id text NOT NULL CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'),
  version_id uuid NOT NULL,
  email text NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
  roles text[] NOT NULL CHECK (roles <@ ARRAY[
    'viewer', 'operator', 'approver', 'policy_admin', 'tenant_admin', 'auditor']),
  status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'PAUSED')),
  created_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE UNIQUE INDEX users_email ON users (tenant_id, lower(email));

-- goals.agent_id refers to it without a foreign key: a key would lock the agent's row in every
-- transaction that accepts a goal. The first goal that names an agent makes its row.
CREATE TABLE agents (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id text NOT NULL CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'),
  version_id uuid NOT NULL,
  -- The persona that it speaks with when its task names none, and the wallet that it is known by.
  soul_ref text,
  wallet_address text,
  status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'PAUSED')),
  created_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, id)
);

CREATE TABLE campaigns (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id text NOT NULL CHECK (id ~ '^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$'),
  version_id uuid NOT NULL,
  agent_id text NOT NULL,
  owner_user_id text,
  goal_text text NOT NULL DEFAULT '',
  -- No cap of its own when there is none; those of goal, agent and tenant hold anyway.
  daily_budget_usd_micros numeric CHECK (daily_budget_usd_micros >= 0),
  status text NOT NULL DEFAULT 'ACTIVE' CHECK (status IN ('ACTIVE', 'PAUSED', 'COMPLETED')),
  created_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, id),
  FOREIGN KEY (tenant_id, agent_id) REFERENCES agents,
  FOREIGN KEY (tenant_id, owner_user_id) REFERENCES users
);

-- What holds work back, which is nearly always nothing: a look at an empty index.
CREATE INDEX tenants_paused ON tenants (id) WHERE status = 'PAUSED';
CREATE INDEX agents_paused ON agents (tenant_id, id) WHERE status = 'PAUSED';
CREATE INDEX campaigns_paused ON campaigns (tenant_id, id) WHERE status = 'PAUSED';

-- A token of a user allows what both of them allow; one without a user what it says itself.
ALTER TABLE api_tokens
  ADD COLUMN user_id text,
  ADD COLUMN roles text[] NOT NULL DEFAULT '{}' CHECK (roles <@ ARRAY[
    'viewer', 'operator', 'approver', 'policy_admin', 'tenant_admin', 'auditor']),
  ADD FOREIGN KEY (tenant_id, user_id) REFERENCES users;

-- Compare-and-set needs a new version at every write (requirement C23).
CREATE FUNCTION refuse_same_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'a change of % needs a new version_id', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER tenants_version BEFORE UPDATE ON tenants FOR EACH ROW
  WHEN (NEW.version_id = OLD.version_id) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER users_version BEFORE UPDATE ON users FOR EACH ROW
  WHEN (NEW.version_id = OLD.version_id) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER agents_version BEFORE UPDATE ON agents FOR EACH ROW
  WHEN (NEW.version_id = OLD.version_id) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER campaigns_version BEFORE UPDATE ON campaigns FOR EACH ROW
  WHEN (NEW.version_id = OLD.version_id) EXECUTE FUNCTION refuse_same_version();
CREATE TRIGGER campaigns_end_is_final BEFORE UPDATE ON campaigns FOR EACH ROW
  WHEN (OLD.status = 'COMPLETED' AND NEW.status <> OLD.status)
  EXECUTE FUNCTION refuse_move('status');

-- Rows for those whom goals have named so far; a fresh record has none.
CREATE TEMPORARY TABLE named ON COMMIT DROP AS
  SELECT DISTINCT tenant_id, agent_id, campaign_id FROM goals;
CREATE TEMPORARY TABLE entries ON COMMIT DROP AS
  SELECT tenant_id, gen_random_uuid() AS audit_id FROM (SELECT DISTINCT tenant_id FROM named) AS n;

INSERT INTO audit_entries (id, tenant_id, actor, items)
SELECT e.audit_id, e.tenant_id, 'migration',
  (SELECT jsonb_agg(jsonb_build_object('subject', s.subject, 'id', s.id, 'from', NULL,
      'to', 'ACTIVE'))
    FROM (SELECT 'agent' AS subject, agent_id AS id FROM named n WHERE n.tenant_id = e.tenant_id
      UNION SELECT 'campaign', campaign_id FROM named n
        WHERE n.tenant_id = e.tenant_id AND campaign_id IS NOT NULL) AS s)
FROM entries e;

INSERT INTO agents (tenant_id, id, version_id, audit_id)
SELECT DISTINCT n.tenant_id, n.agent_id, gen_random_uuid(), e.audit_id
FROM (SELECT DISTINCT tenant_id, agent_id FROM named) AS n JOIN entries e USING (tenant_id);

INSERT INTO campaigns (tenant_id, id, version_id, agent_id, audit_id)
SELECT DISTINCT ON (n.tenant_id, n.campaign_id)
  n.tenant_id, n.campaign_id, gen_random_uuid(), n.agent_id, e.audit_id
FROM named n JOIN entries e USING (tenant_id)
WHERE n.campaign_id IS NOT NULL ORDER BY n.tenant_id, n.campaign_id, n.agent_id;
