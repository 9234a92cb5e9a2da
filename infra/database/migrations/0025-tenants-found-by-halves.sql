-- A policy asks of each row that a batch touches whether its tenant is one of the batch's, some thirty
-- times a task. A function in PL/pgSQL unfolds the list at each call and reads it from its beginning:
-- twice as long with 200 tenants as with one. The list is sorted, so it can be searched by halves, and
-- no function has to be entered (docs/decisions/0031-what-many-tenants-cost.md). An unsorted list would
-- hide rows, never show any: the element found is compared.
-- coalesce(): no index condition, and a guess of every second row. PostgreSQL would begin with the
-- tenants where it guessed few (docs/decisions/0021-the-tenants-of-a-batch.md).
CREATE OR REPLACE FUNCTION protect_batches() RETURNS void LANGUAGE plpgsql AS $$
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
END $$;

DO $$
DECLARE
  t record;
BEGIN
  FOR t IN
    SELECT c.relname AS name FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
    WHERE c.relnamespace = 'public'::regnamespace AND p.polname = 'batch_tenants'
      AND pg_get_expr(p.polqual, c.oid) LIKE 'is_among(%'
  LOOP
    EXECUTE format('DROP POLICY batch_tenants ON %I', t.name);
  END LOOP;
END $$;
SELECT protect_tenants();
