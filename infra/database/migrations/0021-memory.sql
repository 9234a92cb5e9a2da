-- What agents remember. The memory itself is here only where there is no Weaviate; what the Judge
-- decided to remember is always here first, until the memory has it.

-- How far an agent's memories have got. The row is locked by whoever writes some of them, so that
-- revisions of one agent become visible in their order: who has read up to one has missed nothing.
CREATE TABLE memory_shelves (
  tenant_id uuid NOT NULL REFERENCES tenants,
  agent_id text NOT NULL,
  revision bigint NOT NULL DEFAULT 0,
  -- How many there are.
  held int NOT NULL DEFAULT 0,
  PRIMARY KEY (tenant_id, agent_id)
);

CREATE TABLE memories (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  agent_id text NOT NULL,
  kind text NOT NULL CHECK (kind IN ('interaction', 'trend', 'learning')),
  content text NOT NULL CHECK (length(content) BETWEEN 1 AND 8000),
  tags text[] NOT NULL,
  at timestamptz NOT NULL,
  -- Where the words came from; nothing ever makes it better.
  label text NOT NULL CHECK (label IN ('owner', 'registry', 'derived', 'untrusted')),
  sources jsonb NOT NULL,
  goal_id text,
  task_id uuid,
  importance double precision NOT NULL CHECK (importance BETWEEN 0 AND 1),
  expires_at timestamptz,
  -- The lowest leaves first (infra/memory/keep-rank.ts).
  keep_rank double precision NOT NULL,
  revision bigint NOT NULL,
  -- Who made the vector, with the version; one byte for each of its places.
  embedder text NOT NULL,
  vector bytea NOT NULL,
  -- No index: under row-level security PostgreSQL reads an agent's rows by the index below, because
  -- the operators of full text may not look at rows before the policy has.
  words tsvector NOT NULL,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX memories_by_revision ON memories (tenant_id, agent_id, revision);
CREATE INDEX memories_by_rank ON memories (tenant_id, agent_id, keep_rank);
CREATE INDEX memories_expiring ON memories (tenant_id, agent_id, expires_at)
  WHERE expires_at IS NOT NULL;
CREATE INDEX memories_by_embedder ON memories (tenant_id, agent_id, embedder);

-- What the Judge decided to remember and the memory does not have yet.
CREATE TABLE memory_outbox (
  tenant_id uuid NOT NULL REFERENCES tenants,
  id uuid NOT NULL,
  memory jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  -- Tried in vain so often; the next time not before.
  failures int NOT NULL DEFAULT 0,
  run_at timestamptz NOT NULL DEFAULT now(),
  fault text,
  PRIMARY KEY (tenant_id, id)
);
CREATE INDEX memory_outbox_due ON memory_outbox (run_at, id);

-- Whether any of it is due, for the Keeper's one look at everything: a column more at its end, and
-- nothing else of the view is different.
DO $$ BEGIN
  EXECUTE rtrim('CREATE OR REPLACE VIEW sweep_overview AS ' || pg_get_viewdef('sweep_overview'), ';')
    || ', EXISTS (SELECT FROM memory_outbox WHERE run_at <= now()) AS memories_due';
END $$;

-- The keys of what is due, the longest first, as the owner: a role that is held to the tenants of
-- its page cannot know yet whose they are.
CREATE FUNCTION memories_due(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, run_at::text AS at FROM memory_outbox
  WHERE run_at <= now() AND run_at >= p_after AND (run_at, id) > (p_after, p_after_id)
  ORDER BY run_at, id LIMIT p_most;
END $$;
REVOKE EXECUTE ON FUNCTION memories_due FROM PUBLIC;
GRANT EXECUTE ON FUNCTION memories_due TO chimera_swarm;
