-- The swarm sees the tenants of the batch in its hands, and PostgreSQL holds it to them: whoever works
-- as chimera_swarm owns no table, is no superuser and bypasses nothing. The tenants are
-- `chimera.tenants`, set for the transaction; without it there are no rows.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chimera_swarm') THEN
    CREATE ROLE chimera_swarm NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
EXCEPTION
  -- Another database of this server was migrated at the same moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the user of DATABASE_URL may not create roles: let a superuser run '
      'CREATE ROLE chimera_swarm NOLOGIN; GRANT chimera_swarm TO %', current_user;
END $$;

-- From PostgreSQL 16 on, who makes a role may give it away but not step down to it.
DO $$
DECLARE
  needed constant text := CASE WHEN current_setting('server_version_num')::int >= 160000
    THEN 'SET' ELSE 'MEMBER' END;
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['chimera_gateway', 'chimera_swarm'] LOOP
    IF NOT pg_has_role(current_user, name, needed) THEN
      EXECUTE format('GRANT %I TO %I', name, current_user);
    END IF;
  END LOOP;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chimera_swarm'
      AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'chimera_swarm may bypass row-level security here: '
      'ALTER ROLE chimera_swarm NOSUPERUSER NOBYPASSRLS';
  END IF;
EXCEPTION
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the user of DATABASE_URL may not take on %: let a superuser run GRANT % TO %',
      name, name, current_user;
END $$;

-- The tenants of this transaction; null outside of one that has said whose it is.
CREATE FUNCTION current_tenants() RETURNS uuid[] LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('chimera.tenants', true), '')::uuid[] $$;

-- Not written out in the policies, and in a language that is not inlined: as `tenant_id = ANY (...)`
-- the planner takes the set for a short way into a table, and a claim of 500 tasks read every ready
-- task of their tenants.
CREATE FUNCTION is_among(p_tenant uuid, p_tenants uuid[]) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 5 AS
  $$ BEGIN RETURN p_tenant = ANY (p_tenants); END $$;

-- A policy of its own on every table that the gateway has one on. The array is computed once for a
-- statement; a table without tenant_id takes the gateway's word, which asks the parent's policy.
CREATE FUNCTION protect_from_swarm() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  machine constant text := '''00000000-0000-7000-8000-000000000001''';
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
        WHEN t.is_sure THEN format('is_among(%I, (SELECT current_tenants()))', t.tenant)
        ELSE format('is_among(coalesce(%I, %s), (SELECT current_tenants()))', t.tenant, machine)
        END);
  END LOOP;
END $$;

-- Both, at the end of every run of the migrations.
ALTER FUNCTION protect_tenants() RENAME TO protect_from_gateway;
CREATE FUNCTION protect_tenants() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM protect_from_gateway();
  PERFORM protect_from_swarm();
END $$;
SELECT protect_tenants();
REVOKE EXECUTE ON FUNCTION protect_tenants, protect_from_swarm FROM PUBLIC;

-- Whose a batch is has to be known before there are tenants: the ids of tenants and nothing else, as
-- the owner.
CREATE FUNCTION tenants_of_tasks(p_tasks uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT DISTINCT tenant_id FROM tasks WHERE id = ANY (p_tasks) $$;
CREATE FUNCTION tenants_of_grants(p_grants uuid[]) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT DISTINCT tenant_id FROM effects WHERE grant_id = ANY (p_grants) $$;
CREATE FUNCTION tenants_of_leases(p_worker text, p_most int) RETURNS SETOF uuid
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT DISTINCT tenant_id FROM (SELECT tenant_id FROM tasks
    WHERE status = 'IN_PROGRESS' AND lease_owner = p_worker ORDER BY id LIMIT p_most) AS own $$;

REVOKE EXECUTE ON FUNCTION tenants_of_tasks, tenants_of_grants, tenants_of_leases FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_of_tasks, tenants_of_grants, tenants_of_leases TO chimera_swarm;
