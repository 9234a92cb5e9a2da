-- What the Judge follows pointers into and holds texts against: the address book and the personas.
-- Both are written by people only, never by a task, an effect or an approval, and each change is a
-- version of its own.

-- Rises with every change of a tenant's registry or personas. A grant reads it again, FOR SHARE: a
-- row that was removed in between makes the grant stale.
CREATE TABLE house_versions (
  tenant_id uuid NOT NULL REFERENCES tenants,
  subject text NOT NULL CHECK (subject IN ('registry', 'persona')),
  version bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, subject)
);

INSERT INTO house_versions (tenant_id, subject)
SELECT id, subject FROM tenants, unnest(ARRAY['registry', 'persona']) AS subject;

CREATE FUNCTION begin_house_versions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO house_versions (tenant_id, subject) VALUES (NEW.id, 'registry'), (NEW.id, 'persona');
  RETURN NULL;
END $$;

CREATE TRIGGER tenants_house_versions AFTER INSERT ON tenants
  FOR EACH ROW EXECUTE FUNCTION begin_house_versions();

CREATE FUNCTION raise_house_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE house_versions SET version = version + 1
    WHERE tenant_id = NEW.tenant_id AND subject = TG_ARGV[0];
  RETURN NULL;
END $$;

CREATE TABLE registry_entries (
  tenant_id uuid NOT NULL REFERENCES tenants,
  kind text NOT NULL CHECK (
    kind IN ('address', 'asset', 'cashtag', 'domain', 'email', 'handle', 'url')),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 128),
  version int NOT NULL CHECK (version > 0),
  -- In canonical form: it is compared with arguments.
  value jsonb NOT NULL,
  note text NOT NULL DEFAULT '',
  added_by text NOT NULL,
  added_at timestamptz NOT NULL DEFAULT now(),
  removed_by text,
  removed_at timestamptz,
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, kind, name, version),
  CHECK ((removed_by IS NULL) = (removed_at IS NULL))
);

-- At most one version of a row holds, whatever its name is spelled like.
CREATE UNIQUE INDEX registry_entries_held ON registry_entries (tenant_id, kind, lower(name))
  WHERE removed_at IS NULL;

CREATE TABLE personas (
  tenant_id uuid NOT NULL REFERENCES tenants,
  name text NOT NULL CHECK (name ~ '^[A-Za-z0-9][A-Za-z0-9_-]*\.md$' AND length(name) <= 64),
  version int NOT NULL CHECK (version > 0),
  -- SHA-256 of the file that was pinned.
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  front jsonb NOT NULL,
  body text NOT NULL,
  pinned_by text NOT NULL,
  pinned_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, name, version)
);

CREATE FUNCTION refuse_house_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'rows of % are never changed: a change is a new version', TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

-- A row of the registry may only be removed, once.
CREATE TRIGGER registry_entries_insert_only BEFORE UPDATE ON registry_entries FOR EACH ROW
  WHEN (OLD.removed_at IS NOT NULL OR NEW.removed_at IS NULL OR
    (NEW.tenant_id, NEW.kind, NEW.name, NEW.version, NEW.value, NEW.note, NEW.added_by,
      NEW.added_at) IS DISTINCT FROM
    (OLD.tenant_id, OLD.kind, OLD.name, OLD.version, OLD.value, OLD.note, OLD.added_by,
      OLD.added_at))
  EXECUTE FUNCTION refuse_house_change();
CREATE TRIGGER registry_entries_never_deleted BEFORE DELETE ON registry_entries
  FOR EACH ROW EXECUTE FUNCTION refuse_house_change();
CREATE TRIGGER personas_insert_only BEFORE UPDATE OR DELETE ON personas
  FOR EACH ROW EXECUTE FUNCTION refuse_house_change();

CREATE TRIGGER registry_entries_version AFTER INSERT OR UPDATE ON registry_entries
  FOR EACH ROW EXECUTE FUNCTION raise_house_version('registry');
CREATE TRIGGER personas_version AFTER INSERT ON personas
  FOR EACH ROW EXECUTE FUNCTION raise_house_version('persona');

-- Two texts with one key are the same post to a reader: NFC, and white space is one blank.
CREATE FUNCTION text_key(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT md5(btrim(regexp_replace(normalize(words, NFC), '\s+', ' ', 'g')))
$$;

-- Whether an account has said something before.
CREATE INDEX effects_said ON effects (text_key(args ->> 'text'), account, created_at)
  WHERE tool IN ('post_tweet', 'reply_tweet');
