-- Budgets (design.md section 6): what may be spent in which scope, by rows that people set, and what
-- holds it: effects, and calls of models under a lease.

-- A cap without tenant holds for every tenant that has none of its own. scope_id `*` stands for each
-- of the scope that has no row of its own. mode: what paper goals spend on simulated back ends never
-- uses up what live ones may spend.
CREATE TABLE budget_defaults (
  scope text NOT NULL CHECK (scope IN ('tenant', 'agent', 'campaign', 'goal')),
  mode text NOT NULL CHECK (mode IN ('paper', 'live')),
  asset text NOT NULL CHECK (asset ~ '^[A-Z][A-Z0-9]{1,11}$'),
  per text NOT NULL CHECK (per IN ('day', 'ever')),
  cap numeric NOT NULL CHECK (cap >= 0 AND cap = trunc(cap)),
  PRIMARY KEY (scope, mode, asset, per)
);

-- docs/budgets.md says where each figure comes from. USD and MODELUSD are in micros.
INSERT INTO budget_defaults (scope, mode, asset, per, cap) VALUES
  ('agent', 'live', 'USD', 'day', 50000000),
  ('agent', 'live', 'TRANSFERS', 'day', 10),
  ('campaign', 'live', 'USD', 'day', 10000000000),
  ('tenant', 'live', 'USD', 'day', 10000000000),
  ('tenant', 'live', 'MODELUSD', 'day', 10000000);

CREATE TABLE budget_caps (
  tenant_id uuid NOT NULL REFERENCES tenants,
  scope text NOT NULL CHECK (scope IN ('tenant', 'agent', 'campaign', 'goal')),
  scope_id text NOT NULL CHECK (scope_id ~ '^(\*|[A-Za-z0-9][A-Za-z0-9._:-]{0,127})$'),
  mode text NOT NULL CHECK (mode IN ('paper', 'live')),
  asset text NOT NULL CHECK (asset ~ '^[A-Z][A-Z0-9]{1,11}$'),
  per text NOT NULL CHECK (per IN ('day', 'ever')),
  -- In base units of the asset; without one, nothing holds it, not even a default.
  cap numeric CHECK (cap >= 0 AND cap = trunc(cap)),
  version_id uuid NOT NULL,
  changed_at timestamptz NOT NULL DEFAULT now(),
  audit_id uuid NOT NULL,
  PRIMARY KEY (tenant_id, scope, scope_id, mode, asset, per),
  -- What a goal may cost does not renew; everybody else has a day.
  CHECK ((scope = 'goal') = (per = 'ever')),
  CHECK (scope <> 'tenant' OR scope_id = tenant_id::text)
);

-- A change of a cap waits for the transactions that reserve by the old one, and they for it: what is
-- granted after the change was acknowledged was granted by the new cap.
CREATE FUNCTION hold_reservations() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('budget caps'));
  RETURN NULL;
END $$;
CREATE TRIGGER budget_caps_change BEFORE INSERT OR UPDATE OR DELETE ON budget_caps
  FOR EACH STATEMENT EXECUTE FUNCTION hold_reservations();

-- Calls of models: reserved before they are made, settled when they are answered, and in full when
-- whoever made them does not come back.
CREATE TABLE model_spends (
  id uuid PRIMARY KEY,
  tenant_id uuid NOT NULL REFERENCES tenants,
  goal_id text,
  agent_id text NOT NULL,
  campaign_id text,
  model text NOT NULL,
  usd_micros numeric NOT NULL CHECK (usd_micros >= 0),
  tokens numeric NOT NULL CHECK (tokens >= 0),
  lease_until timestamptz NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  settled_at timestamptz,
  -- answered: by what it really cost; lapsed: in full, the lease ran out.
  ended text CHECK (ended IN ('answered', 'lapsed')),
  CHECK ((settled_at IS NULL) = (ended IS NULL))
);
CREATE INDEX model_spends_open ON model_spends (lease_until) WHERE settled_at IS NULL;

ALTER TABLE budget_reservations
  DROP CONSTRAINT budget_reservations_pkey,
  DROP CONSTRAINT budget_reservations_tenant_id_scope_scope_id_asset_day_fkey,
  ALTER COLUMN effect_id DROP NOT NULL,
  ADD COLUMN spend_id uuid REFERENCES model_spends,
  ADD COLUMN holder_id uuid,
  ADD COLUMN mode text CHECK (mode IN ('paper', 'live'));
ALTER TABLE budgets
  DROP CONSTRAINT budgets_pkey,
  -- A cap may be set below what is spent and reserved already: that stays, and nothing is added
  -- (trigger budgets_grow_within_cap).
  DROP CONSTRAINT budgets_check,
  ALTER COLUMN cap DROP NOT NULL,
  ADD COLUMN mode text CHECK (mode IN ('paper', 'live')),
  -- Reservations of earlier days that are still open, as of the last look: they count in every day.
  ADD COLUMN carried numeric NOT NULL DEFAULT 0 CHECK (carried >= 0),
  -- When 80 % of the cap was reached, and when something was refused first.
  ADD COLUMN warned_at timestamptz,
  ADD COLUMN exhausted_at timestamptz;

-- Until now there were goals' counters only; a goal has one mode, and dry ones cost nothing.
UPDATE budgets b SET mode = CASE WHEN g.mode = 'live' THEN 'live' ELSE 'paper' END
  FROM goals g WHERE g.tenant_id = b.tenant_id AND g.id = b.scope_id;
UPDATE budgets SET mode = 'live' WHERE mode IS NULL;
UPDATE budget_reservations r SET holder_id = r.effect_id, mode = b.mode FROM budgets b
  WHERE (b.tenant_id, b.scope, b.scope_id, b.asset, b.day)
    = (r.tenant_id, r.scope, r.scope_id, r.asset, r.day);

ALTER TABLE budgets
  ALTER COLUMN mode SET NOT NULL,
  ADD PRIMARY KEY (tenant_id, scope, scope_id, mode, asset, day);
ALTER TABLE budget_reservations
  ALTER COLUMN holder_id SET NOT NULL,
  ALTER COLUMN mode SET NOT NULL,
  ADD PRIMARY KEY (holder_id, scope, scope_id, mode, asset, day),
  ADD FOREIGN KEY (tenant_id, scope, scope_id, mode, asset, day) REFERENCES budgets,
  ADD CHECK (num_nonnulls(effect_id, spend_id) = 1 AND holder_id = coalesce(effect_id, spend_id));
CREATE INDEX budget_reservations_open
  ON budget_reservations (tenant_id, scope, scope_id, mode, asset, day) WHERE settled IS NULL;

-- Whatever a statement means to do: no counter grows past its cap.
CREATE FUNCTION refuse_overspending() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the % of % % may not grow to % of %', NEW.asset, NEW.scope, NEW.scope_id,
    NEW.spent + NEW.reserved + NEW.carried, NEW.cap USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER budgets_grow_within_cap BEFORE UPDATE ON budgets FOR EACH ROW
  WHEN (NEW.spent + NEW.reserved > OLD.spent + OLD.reserved
    AND NEW.spent + NEW.reserved + NEW.carried > NEW.cap)
  EXECUTE FUNCTION refuse_overspending();

-- The cap in force: the one set for it, else its own (a goal's max_cost_usd, which the caller knows; a
-- campaign's daily budget), else the one set for each of the scope, else the default; null is no cap.
CREATE FUNCTION budget_cap(
  p_tenant uuid, p_scope text, p_scope_id text, p_mode text, p_asset text, p_per text, p_own numeric
) RETURNS numeric LANGUAGE plpgsql STABLE AS $$
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
END $$;

DROP FUNCTION budget_reserve;
DROP FUNCTION budget_settle;

-- Reserves for several requests at once, in order; each request is granted in all its counters or in
-- none. Arrays are parallel. p_per is `day` (the UTC day of this transaction) or `ever`; p_own is a
-- cap that the caller knows, or null. Answers a row for each request that was granted, for each that
-- was refused with the first counter that is too full, and for each counter that came to 80 % of its
-- cap (warned) or refused for the first time (exhausted).
CREATE FUNCTION budget_reserve(
  p_request int[], p_tenant uuid[], p_scope text[], p_scope_id text[], p_mode text[],
  p_asset text[], p_per text[], p_amount numeric[], p_own numeric[]
) RETURNS TABLE (
  kind text, request int, tenant_id uuid, scope text, scope_id text, mode text, asset text,
  day date, cap numeric, used numeric, amount numeric
) LANGUAGE plpgsql AS $$
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
END $$;

-- Settles the reservations of holders (effects, calls of models): what was spent stays spent, on the
-- day that it was reserved, the rest is free again. A line without asset is for every asset that has
-- no line of its own, one without p_spent is for all that was reserved; more than was reserved never
-- counts. A second settling changes nothing. Answers the counters that have room again.
CREATE FUNCTION budget_settle(p_holder uuid[], p_asset text[], p_spent numeric[])
RETURNS TABLE (tenant_id uuid, scope text, scope_id text, mode text, asset text, freed numeric)
LANGUAGE plpgsql AS $$
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
END $$;

-- Tasks that a Planner put off because a budget runs low: a higher cap wakes them.
CREATE INDEX tasks_put_off ON tasks (waits_for) WHERE phase = 'ready' AND waits_for IS NOT NULL;
