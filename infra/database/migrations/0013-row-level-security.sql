-- Whoever serves people sees one tenant per transaction, and PostgreSQL holds it to that: the
-- gateway works as chimera_gateway, which owns no table, is no superuser and bypasses nothing. The
-- tenant is `chimera.tenant`, set for the transaction; without it there are no rows.

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'chimera_gateway') THEN
    CREATE ROLE chimera_gateway NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
  END IF;
EXCEPTION
  -- Another database of this server was migrated at the same moment.
  WHEN duplicate_object OR unique_violation THEN NULL;
  WHEN insufficient_privilege THEN
    RAISE EXCEPTION 'the user of DATABASE_URL may not create roles: let a superuser run '
      'CREATE ROLE chimera_gateway NOLOGIN; GRANT chimera_gateway TO %', current_user;
END $$;

DO $$
BEGIN
  IF NOT pg_has_role(current_user, 'chimera_gateway', 'MEMBER') THEN
    EXECUTE format('GRANT chimera_gateway TO %I', current_user);
  END IF;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'chimera_gateway'
      AND (rolsuper OR rolbypassrls)) THEN
    RAISE EXCEPTION 'chimera_gateway may bypass row-level security here: '
      'ALTER ROLE chimera_gateway NOSUPERUSER NOBYPASSRLS';
  END IF;
END $$;

-- The tenant of this transaction; null outside of one that has said whose it is.
CREATE FUNCTION current_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS
  $$ SELECT nullif(current_setting('chimera.tenant', true), '')::uuid $$;

-- Puts one table under row-level security, forced: rows for which `visible` holds are there for the
-- gateway, and no others can be written by it. The owner, who migrates, backs up and restores,
-- keeps all of them also where he is no superuser.
CREATE FUNCTION protect_table(p_table name, p_visible text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', p_table);
  EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', p_table);
  EXECUTE format('DROP POLICY IF EXISTS owner ON %I', p_table);
  EXECUTE format('CREATE POLICY owner ON %I TO %I USING (true)', p_table, current_user);
  EXECUTE format('DROP POLICY IF EXISTS one_tenant ON %I', p_table);
  EXECUTE format('CREATE POLICY one_tenant ON %I TO chimera_gateway USING (%s)',
    p_table, p_visible);
END $$;

-- Protects every table of a tenant: those with tenant_id, and those whose rows belong to such a row
-- by a foreign key of one column. Run again after every migration, so that no new table is left
-- out; what is there already stays as it is. The subquery of current_tenant() is computed once for
-- a statement, not once for each row.
CREATE FUNCTION protect_tenants() RETURNS void LANGUAGE plpgsql AS $$
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
END $$;

SELECT protect_tenants();

-- A tenant is seen from inside, and all of them by whoever administers the house.
SELECT protect_table('tenants',
  'id = (SELECT current_tenant()) OR current_setting(''chimera.house'', true) = ''on''');
-- A receipt belongs to the effect whose grant it answers.
SELECT protect_table('receipts',
  'EXISTS (SELECT FROM effects e WHERE e.grant_id = receipts.grant_id)');

-- Whose token this is has to be found before there is a tenant: the one door, for one hash, as its
-- owner.
CREATE FUNCTION find_principal(p_hash text)
RETURNS TABLE (id uuid, tenant_id uuid, name text, scopes text[], roles text[], user_id text,
  user_roles text[])
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
$$;

REVOKE EXECUTE ON FUNCTION find_principal FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_principal TO chimera_gateway;
REVOKE EXECUTE ON FUNCTION protect_table, protect_tenants FROM PUBLIC;
