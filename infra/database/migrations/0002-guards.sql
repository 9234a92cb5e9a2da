-- The essential guards of the state machines, where nobody can forget them.

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the table is insert-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER audit_entries_insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER slots_insert_only BEFORE UPDATE OR DELETE ON slots
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_payloads_insert_only BEFORE UPDATE OR DELETE ON task_payloads
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_dependencies_insert_only BEFORE UPDATE OR DELETE ON task_dependencies
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER task_results_insert_only BEFORE UPDATE OR DELETE ON task_results
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER receipts_stay BEFORE DELETE ON receipts
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

CREATE FUNCTION refuse_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'row % of % may not move from % to %',
    NEW.id, TG_TABLE_NAME, to_jsonb(OLD) ->> TG_ARGV[0], to_jsonb(NEW) ->> TG_ARGV[0]
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER goals_end_is_final BEFORE UPDATE ON goals FOR EACH ROW
  WHEN (OLD.status IN ('COMPLETED', 'FAILED', 'CANCELLED') AND NEW.status <> OLD.status)
  EXECUTE FUNCTION refuse_move('status');
CREATE TRIGGER goals_content_is_frozen BEFORE UPDATE ON goals FOR EACH ROW
  WHEN (NEW.content_hash <> OLD.content_hash OR NEW.mode <> OLD.mode OR NEW.trust <> OLD.trust)
  EXECUTE FUNCTION refuse_move('content_hash');
CREATE TRIGGER tasks_end_is_final BEFORE UPDATE ON tasks FOR EACH ROW
  WHEN (OLD.status IN ('COMPLETED', 'FAILED') AND NEW.status <> OLD.status)
  EXECUTE FUNCTION refuse_move('status');

CREATE FUNCTION check_effect_move() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (OLD.state || ' ' || NEW.state) NOT IN (
    'PROPOSED AWAITING_APPROVAL', 'PROPOSED GRANTED', 'PROPOSED DENIED', 'PROPOSED EXPIRED',
    'PROPOSED CANCELLED',
    'AWAITING_APPROVAL PROPOSED', 'AWAITING_APPROVAL GRANTED', 'AWAITING_APPROVAL DENIED',
    'AWAITING_APPROVAL EXPIRED', 'AWAITING_APPROVAL CANCELLED',
    'GRANTED CONFIRMED', 'GRANTED REFUSED', 'GRANTED NOT_SENT', 'GRANTED UNKNOWN',
    'GRANTED EXPIRED', 'GRANTED CANCELLED', 'GRANTED NOT_HAPPENED', 'GRANTED NEEDS_HUMAN',
    'UNKNOWN CONFIRMED', 'UNKNOWN NOT_HAPPENED', 'UNKNOWN NEEDS_HUMAN',
    'NEEDS_HUMAN CONFIRMED', 'NEEDS_HUMAN NOT_HAPPENED')
  THEN
    RAISE EXCEPTION 'effect % may not move from % to %', NEW.id, OLD.state, NEW.state
      USING ERRCODE = 'integrity_constraint_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE TRIGGER effects_moves BEFORE UPDATE ON effects FOR EACH ROW
  WHEN (NEW.state <> OLD.state) EXECUTE FUNCTION check_effect_move();
CREATE TRIGGER effects_identity_is_frozen BEFORE UPDATE ON effects FOR EACH ROW
  WHEN (NEW.effect_key <> OLD.effect_key OR NEW.round <> OLD.round
    OR (OLD.grant_id IS NOT NULL AND (NEW.grant_id IS DISTINCT FROM OLD.grant_id
      OR NEW.args_hash <> OLD.args_hash)))
  EXECUTE FUNCTION refuse_move('state');
CREATE TRIGGER effects_stay BEFORE DELETE ON effects
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- Fences only rise.
CREATE FUNCTION check_fence() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the fence of % may not fall from % to %', OLD.scope, OLD.epoch, NEW.epoch
    USING ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER fences_only_rise BEFORE UPDATE ON fences FOR EACH ROW
  WHEN (NEW.epoch < OLD.epoch OR (NEW.stopped <> OLD.stopped AND NEW.epoch = OLD.epoch))
  EXECUTE FUNCTION check_fence();

-- Reserves for several requests at once, in order; each request is granted in all its scopes or in none.
-- Arrays are parallel; lines of one request share its number and the numbers rise. cap is used when the
-- counter does not exist yet. Returns the numbers that were granted.
CREATE FUNCTION budget_reserve(
  p_request int[], p_tenant uuid[], p_scope text[], p_scope_id text[], p_asset text[], p_day date[],
  p_amount numeric[], p_cap numeric[]
) RETURNS SETOF int LANGUAGE plpgsql AS $$
DECLARE
  n int;
  refused int;
BEGIN
  INSERT INTO budgets (tenant_id, scope, scope_id, asset, day, cap)
  SELECT DISTINCT ON (t, s, i, a, d) t, s, i, a, d, c
  FROM unnest(p_tenant, p_scope, p_scope_id, p_asset, p_day, p_cap) AS l(t, s, i, a, d, c)
  ORDER BY t, s, i, a, d
  ON CONFLICT DO NOTHING;

  -- Locked in key order, so that two batches never wait for each other.
  PERFORM 1 FROM budgets b
  JOIN (SELECT DISTINCT * FROM unnest(p_tenant, p_scope, p_scope_id, p_asset, p_day)) AS k(t, s, i, a, d)
    ON (b.tenant_id, b.scope, b.scope_id, b.asset, b.day) = (k.t, k.s, k.i, k.a, k.d)
  ORDER BY b.tenant_id, b.scope, b.scope_id, b.asset, b.day
  FOR UPDATE OF b;

  FOR n IN SELECT DISTINCT r FROM unnest(p_request) AS r ORDER BY r LOOP
    SELECT count(*) INTO refused
    FROM (
      SELECT t, s, i, a, d, sum(x) AS amount
      FROM unnest(p_request, p_tenant, p_scope, p_scope_id, p_asset, p_day, p_amount)
        AS l(r, t, s, i, a, d, x)
      WHERE r = n
      GROUP BY t, s, i, a, d
    ) AS w
    JOIN budgets b ON (b.tenant_id, b.scope, b.scope_id, b.asset, b.day) = (w.t, w.s, w.i, w.a, w.d)
    WHERE b.spent + b.reserved + w.amount > b.cap;
    CONTINUE WHEN refused > 0;

    UPDATE budgets b SET reserved = b.reserved + w.amount
    FROM (
      SELECT t, s, i, a, d, sum(x) AS amount
      FROM unnest(p_request, p_tenant, p_scope, p_scope_id, p_asset, p_day, p_amount)
        AS l(r, t, s, i, a, d, x)
      WHERE r = n
      GROUP BY t, s, i, a, d
    ) AS w
    WHERE (b.tenant_id, b.scope, b.scope_id, b.asset, b.day) = (w.t, w.s, w.i, w.a, w.d);
    RETURN NEXT n;
  END LOOP;
END $$;

-- Settles the reservations of effects: what was spent stays spent, the rest is free again. p_spent is what
-- the effect really cost; never more than was reserved counts. A second settling changes nothing.
CREATE FUNCTION budget_settle(p_effect uuid[], p_spent numeric[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM budgets b
  JOIN budget_reservations r USING (tenant_id, scope, scope_id, asset, day)
  WHERE r.effect_id = ANY (p_effect)
  ORDER BY b.tenant_id, b.scope, b.scope_id, b.asset, b.day
  FOR UPDATE OF b;

  WITH settled AS (
    UPDATE budget_reservations r SET settled = least(r.amount, l.spent)
    FROM unnest(p_effect, p_spent) AS l(effect_id, spent)
    WHERE r.effect_id = l.effect_id AND r.settled IS NULL
    RETURNING r.*
  ), summed AS (
    SELECT tenant_id, scope, scope_id, asset, day, sum(amount) AS amount, sum(settled) AS spent
    FROM settled GROUP BY tenant_id, scope, scope_id, asset, day
  )
  UPDATE budgets b SET reserved = b.reserved - s.amount, spent = b.spent + s.spent
  FROM summed s
  WHERE (b.tenant_id, b.scope, b.scope_id, b.asset, b.day)
    = (s.tenant_id, s.scope, s.scope_id, s.asset, s.day);
END $$;

-- A fresh version for rows that a statement finds by itself (children, goals): v7 where the server has it.
DO $$
BEGIN
  IF current_setting('server_version_num')::int >= 180000 THEN
    CREATE FUNCTION new_version() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT uuidv7()';
  ELSE
    CREATE FUNCTION new_version() RETURNS uuid LANGUAGE sql VOLATILE AS 'SELECT gen_random_uuid()';
  END IF;
END $$;
