-- A batch writes an audit entry for each of its tenants. The key of the trail looked each tenant up
-- and locked its row, two thirds of what the entries cost (docs/decisions/0031-what-many-tenants-cost.md).
-- Row-level security lets no role write an entry for a tenant that its transaction is not about;
-- that no tenant goes away under its trail, which the key held as well, is said here.
ALTER TABLE audit_entries DROP CONSTRAINT audit_entries_tenant_id_fkey;

CREATE FUNCTION keep_trail() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM audit_entries WHERE tenant_id = OLD.id) THEN
    RAISE EXCEPTION 'the tenant % has a trail and stays', OLD.id
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN OLD;
END $$;
CREATE TRIGGER tenants_keep_trail BEFORE DELETE ON tenants
  FOR EACH ROW EXECUTE FUNCTION keep_trail();
