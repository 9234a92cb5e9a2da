-- The Keeper works as chimera_swarm too. What is due, of whatever tenant, it finds by keys that
-- functions answer as the owner; the rows are read and moved as their tenants, page by page. Every
-- statement is planned for what it is asked, as it was when the Keeper asked it itself: a plan that
-- is kept may have been made for empty tables.

-- The one look that a Keeper takes at rest says of every tenant's rows only whether there is any; a
-- view, so that it stays one statement, and is planned anew or kept as whoever asks decides. Every
-- part reads one partial index of what is open, so that it costs the same in a record of a million
-- finished tasks. Goals that are paused or ended hold their tasks back: those are not late. (Scalar
-- subqueries with ORDER BY, where EXISTS would let the planner hope to meet a row soon in a scan of
-- the whole table.) `late_after_ms`: how old a row has to be before anyone asks where its doorbell
-- is. `due_within_ms`: how far back a look asks for a `run_at` that has come.
CREATE VIEW sweep_overview AS
WITH limits AS (SELECT 2000::float8 AS late_after_ms, 10000::float8 AS due_within_ms),
  late AS (SELECT now() - late_after_ms * interval '1 millisecond' AS before FROM limits),
  due_window AS (SELECT now() - due_within_ms * interval '1 millisecond' AS since FROM limits)
SELECT
  (SELECT late_after_ms FROM limits) AS late_after_ms,
  (SELECT due_within_ms FROM limits) AS due_within_ms,
  (SELECT marker FROM stream_marker) AS marker,
  EXISTS (SELECT FROM tasks WHERE status = 'IN_PROGRESS' AND lease_until < now()) AS lost_leases,
  EXISTS (SELECT FROM goals WHERE status = 'RECEIVED' AND lease_until < now())
    OR EXISTS (SELECT FROM goals WHERE status = 'ACTIVE' AND replan_at IS NOT NULL
      AND lease_until < now()) AS lost_plans,
  EXISTS (SELECT FROM tasks, due_window WHERE phase = 'ready' AND run_at IS NOT NULL
      AND coalesce(run_at, ready_at) > since AND coalesce(run_at, ready_at) <= now())
    OR EXISTS (SELECT FROM tasks, due_window WHERE phase = 'judging' AND run_at IS NOT NULL
      AND coalesce(run_at, result_at) > since AND coalesce(run_at, result_at) <= now()) AS due,
  (extract(epoch FROM least(
    (SELECT min(coalesce(run_at, ready_at)) FROM tasks
      WHERE phase = 'ready' AND coalesce(run_at, ready_at) > now()),
    (SELECT min(coalesce(run_at, result_at)) FROM tasks
      WHERE phase = 'judging' AND coalesce(run_at, result_at) > now())
  ) - now()) * 1000)::float8 AS next_due_ms,
  EXISTS (SELECT FROM goals, late WHERE status = 'RECEIVED' AND received_at < late.before
      AND lease_until IS NULL)
    OR EXISTS (SELECT FROM goals, late WHERE status = 'ACTIVE' AND replan_at IS NOT NULL
      AND replan_at < late.before AND lease_until IS NULL) AS late_goals,
  (SELECT true FROM late, tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.phase = 'ready' AND coalesce(t.run_at, t.ready_at) < late.before
      AND g.status IN ('PLANNED', 'ACTIVE')
      AND NOT (EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM campaigns p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM agents p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED'))
    ORDER BY coalesce(t.run_at, t.ready_at) LIMIT 1) IS NOT NULL AS late_tasks,
  (SELECT true FROM tasks, late WHERE phase = 'judging'
      AND coalesce(run_at, result_at) < late.before
      ORDER BY coalesce(run_at, result_at) LIMIT 1) IS NOT NULL
    OR EXISTS (SELECT FROM receipts, late WHERE judged_at IS NULL AND created_at < late.before)
    AS late_results,
  EXISTS (SELECT FROM effects, late WHERE state = 'GRANTED' AND NOT cancelling
      AND granted_at < late.before AND grant_expires_at >= now()) AS late_effects,
  EXISTS (SELECT FROM effects e JOIN tool_accounts a USING (account)
    WHERE e.state = 'GRANTED' AND NOT e.cancelling
      AND (e.grant_expires_at < now() OR e.boot IS DISTINCT FROM a.boot)) AS dead_grants,
  EXISTS (SELECT FROM effects WHERE state = 'GRANTED' AND cancelling) AS cancelling,
  EXISTS (SELECT FROM effects WHERE state = 'UNKNOWN') AS unknown_effects,
  EXISTS (SELECT FROM effect_settlements WHERE done_at IS NULL) AS settlements,
  EXISTS (SELECT FROM tool_adoptions WHERE done_at IS NULL) AS adoptions,
  EXISTS (SELECT FROM approvals WHERE state = 'REQUESTED' AND expires_at <= now())
    AS late_approvals,
  EXISTS (SELECT FROM model_spends WHERE settled_at IS NULL AND lease_until < now())
    AS lapsed_calls,
  NOT EXISTS (SELECT FROM goals WHERE status = 'RECEIVED')
    AND NOT EXISTS (SELECT FROM goals WHERE status = 'ACTIVE' AND replan_at IS NOT NULL)
    AND NOT EXISTS (SELECT FROM model_spends WHERE settled_at IS NULL)
    AND (SELECT true FROM tasks WHERE phase = 'ready'
      ORDER BY coalesce(run_at, ready_at) LIMIT 1) IS NULL
    AND NOT EXISTS (SELECT FROM tasks WHERE status = 'IN_PROGRESS')
    AND (SELECT true FROM tasks WHERE phase = 'judging'
      ORDER BY coalesce(run_at, result_at) LIMIT 1) IS NULL
    AND NOT EXISTS (SELECT FROM receipts WHERE judged_at IS NULL)
    AND NOT EXISTS (SELECT FROM effects WHERE state IN ('GRANTED', 'UNKNOWN')) AS idle,
  (SELECT coalesce(jsonb_agg(jsonb_build_object('account', account, 'url', url, 'boot', boot,
      'state', state, 'reason', reason) ORDER BY account), '[]') FROM tool_accounts) AS accounts,
  (SELECT coalesce(jsonb_object_agg(scope,
      jsonb_build_object('epoch', epoch, 'stopped', stopped)), '{}')
    FROM fences WHERE epoch > 0) AS fences,
  (SELECT coalesce(jsonb_object_agg(scope, epoch), '{}') FROM kill_levels
    WHERE epoch > 0) AS kill;

-- Whoever serves people has no business with it, and every run of the migrations grants all that
-- looks like a table.
ALTER FUNCTION protect_from_gateway() RENAME TO protect_one_tenant;
CREATE FUNCTION protect_from_gateway() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM protect_one_tenant();
  REVOKE ALL ON sweep_overview FROM chimera_gateway;
END $$;
SELECT protect_from_gateway(), protect_from_swarm();
REVOKE EXECUTE ON FUNCTION protect_from_gateway, protect_one_tenant FROM PUBLIC;

-- Tasks whose lease ran out, and goals whose planning lease did. What is moved is found page after
-- page, each behind the last row of the one before: rows that somebody else has locked hide none of
-- those behind them.
CREATE FUNCTION leases_lost(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, lease_until::text AS at FROM tasks
  WHERE status = 'IN_PROGRESS' AND lease_until < now() AND lease_until >= p_after
    AND (lease_until, id) > (p_after, p_after_id)
  ORDER BY lease_until, id LIMIT p_most;
END $$;

CREATE FUNCTION plans_lost(p_most int)
RETURNS TABLE (tenant_id uuid, id text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT tenant_id, id FROM goals
  WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
    AND lease_until < now() ORDER BY received_at LIMIT p_most;
END $$;

-- Tasks whose `run_at` has come within so many milliseconds; with it, who is to be rung for them.
CREATE FUNCTION tasks_due(p_within_ms float8, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, phase text, run_at_ms float8)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT * FROM (
    SELECT t.id, t.tenant_id, t.phase, (extract(epoch FROM t.run_at) * 1000)::float8 AS due_ms
    FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.phase = 'ready' AND t.run_at IS NOT NULL AND coalesce(t.run_at, t.ready_at) <= now()
      AND coalesce(t.run_at, t.ready_at) > now() - p_within_ms * interval '1 millisecond'
      AND g.status IN ('PLANNED', 'ACTIVE')
      AND NOT (EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM campaigns p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM agents p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED'))
    UNION ALL
    SELECT id, tenant_id, phase, (extract(epoch FROM run_at) * 1000)::float8
    FROM tasks
    WHERE phase = 'judging' AND run_at IS NOT NULL AND coalesce(run_at, result_at) <= now()
      AND coalesce(run_at, result_at) > now() - p_within_ms * interval '1 millisecond'
  ) AS due ORDER BY due_ms, id LIMIT p_most;
END $$;

-- What waits for a doorbell, in pages: rows older than so many milliseconds, after the last one of
-- the page before. `at` is text because a Date would lose its microseconds; it has to be named, or
-- ORDER BY would mean the text, and no index gives that order.
CREATE FUNCTION tasks_ready(p_types text[], p_age_ms float8, p_after timestamptz, p_after_id uuid,
  p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT t.id, t.tenant_id, coalesce(t.run_at, t.ready_at)::text AS at
  FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
  WHERE t.phase = 'ready' AND coalesce(t.run_at, t.ready_at) <= now() AND t.type = ANY (p_types)
    AND g.status IN ('PLANNED', 'ACTIVE')
    AND NOT (EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM campaigns p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
        OR EXISTS (SELECT FROM agents p
          WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED'))
    AND coalesce(t.run_at, t.ready_at) < now() - p_age_ms * interval '1 millisecond'
    AND coalesce(t.run_at, t.ready_at) >= p_after
    AND (coalesce(t.run_at, t.ready_at), t.id) > (p_after, p_after_id)
  ORDER BY coalesce(t.run_at, t.ready_at), t.id LIMIT p_most;
END $$;

CREATE FUNCTION goals_received(p_age_ms float8, p_after timestamptz, p_after_tenant uuid,
  p_after_id text, p_most int)
RETURNS TABLE (tenant_id uuid, id text, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT tenant_id, id, received_at::text AS at FROM goals
  WHERE (status = 'RECEIVED' OR (status = 'ACTIVE' AND replan_at IS NOT NULL))
    AND (lease_until IS NULL OR lease_until < now())
    AND received_at < now() - p_age_ms * interval '1 millisecond' AND received_at >= p_after
    AND (received_at, tenant_id, id) > (p_after, p_after_tenant, p_after_id)
  ORDER BY received_at, tenant_id, id LIMIT p_most;
END $$;

CREATE FUNCTION tasks_to_judge(p_age_ms float8, p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, coalesce(run_at, result_at)::text AS at FROM tasks
  WHERE phase = 'judging' AND coalesce(run_at, result_at) <= now()
    AND coalesce(run_at, result_at) < now() - p_age_ms * interval '1 millisecond'
    AND coalesce(run_at, result_at) >= p_after
    AND (coalesce(run_at, result_at), id) > (p_after, p_after_id)
  ORDER BY coalesce(run_at, result_at), id LIMIT p_most;
END $$;

CREATE FUNCTION receipts_to_judge(p_age_ms float8, p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, created_at::text AS at FROM receipts
  WHERE judged_at IS NULL AND created_at < now() - p_age_ms * interval '1 millisecond'
    AND created_at >= p_after
    AND (created_at, id) > (p_after, p_after_id)
  ORDER BY created_at, id LIMIT p_most;
END $$;

CREATE FUNCTION grants_to_carry(p_age_ms float8, p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, granted_at::text AS at FROM effects
  WHERE state = 'GRANTED' AND NOT cancelling AND grant_expires_at >= now()
    AND grant_jws IS NOT NULL AND granted_at < now() - p_age_ms * interval '1 millisecond'
    AND granted_at >= p_after
    AND (granted_at, id) > (p_after, p_after_id)
  ORDER BY granted_at, id LIMIT p_most;
END $$;

-- Effects whose grant can claim no more; those that are being voided, so many of each account; and
-- by account the grants of which nobody knows what became.
CREATE FUNCTION grants_dead(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.id, e.tenant_id, coalesce(e.grant_expires_at, 'infinity')::text AS at
  FROM effects e JOIN tool_accounts a ON a.account = e.account
  WHERE e.state = 'GRANTED' AND NOT e.cancelling
    AND (e.grant_expires_at < now() OR e.boot IS DISTINCT FROM a.boot)
    AND (coalesce(e.grant_expires_at, 'infinity'), e.id) > (p_after, p_after_id)
  ORDER BY coalesce(e.grant_expires_at, 'infinity'), e.id LIMIT p_most;
END $$;

CREATE FUNCTION grants_ending(p_most int)
RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT e.id, e.tenant_id FROM tool_accounts a, LATERAL (
    SELECT * FROM effects o
    WHERE o.account = a.account AND o.state = 'GRANTED' AND o.cancelling
    ORDER BY o.grant_expires_at, o.id LIMIT p_most
  ) AS e
  WHERE a.boot IS NOT NULL AND a.state <> 'closed' ORDER BY e.id;
END $$;

CREATE FUNCTION grants_unknown(p_most int)
RETURNS TABLE (account text, grant_ids text[])
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT a.account, u.ids
  FROM tool_accounts a, LATERAL (
    SELECT array_agg(o.grant_id) AS ids FROM (
      SELECT e.grant_id::text FROM effects e
      WHERE e.account = a.account AND e.state = 'UNKNOWN'
      ORDER BY e.grant_expires_at, e.id LIMIT p_most
    ) AS o
  ) AS u
  WHERE u.ids IS NOT NULL ORDER BY a.account;
END $$;

-- What people said of effects, on accounts that have been opened before.
CREATE FUNCTION settlements_open(p_most int)
RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT s.id, e.tenant_id
  FROM effect_settlements s
  JOIN effects e ON e.id = s.effect_id
  JOIN tool_accounts a ON a.account = e.account
  WHERE s.done_at IS NULL AND a.boot IS NOT NULL AND e.grant_id IS NOT NULL
  ORDER BY s.requested_at, s.id LIMIT p_most;
END $$;

-- Tasks of requests that nobody answered in time, and calls of models whose lease ran out.
CREATE FUNCTION approvals_late(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT task_id, tenant_id, expires_at::text AS at FROM approvals
  WHERE state = 'REQUESTED' AND expires_at <= now() AND expires_at >= p_after
    AND (expires_at, task_id) > (p_after, p_after_id)
  ORDER BY expires_at, task_id LIMIT p_most;
END $$;

CREATE FUNCTION calls_lapsed(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, lease_until::text AS at FROM model_spends
  WHERE settled_at IS NULL AND lease_until < now() AND lease_until >= p_after
    AND (lease_until, id) > (p_after, p_after_id)
  ORDER BY lease_until, id LIMIT p_most;
END $$;

-- Tasks that wait because a tool server was closed. The words are not the asker's: what else a task
-- waits for is nothing to be guessed at.
CREATE FUNCTION tasks_held(p_after timestamptz, p_after_id uuid, p_most int)
RETURNS TABLE (id uuid, tenant_id uuid, at text)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp
SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT id, tenant_id, coalesce(run_at, result_at)::text AS at FROM tasks
  WHERE phase = 'judging' AND coalesce(run_at, result_at) > now()
    AND coalesce(run_at, result_at) >= p_after
    AND (coalesce(run_at, result_at), id) > (p_after, p_after_id)
    AND waiting_on ->> 'unblock' = 'chimera tools ls'
  ORDER BY coalesce(run_at, result_at), id LIMIT p_most;
END $$;

-- A receipt of a grant that the record does not know may be filed for whoever it turns out to be:
-- nothing in it is believed before the Judge has verified it, and nobody may read it for this.
CREATE FUNCTION is_stray(p_grant uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS
  $$ SELECT NOT EXISTS (SELECT FROM effects WHERE grant_id = p_grant) $$;
CREATE POLICY receipts_of_nobody ON receipts FOR INSERT TO chimera_swarm
  WITH CHECK (is_stray(grant_id));

REVOKE EXECUTE ON FUNCTION leases_lost, plans_lost, tasks_due, tasks_ready, goals_received,
  tasks_to_judge, receipts_to_judge, grants_to_carry, grants_dead, grants_ending, grants_unknown,
  settlements_open, approvals_late, calls_lapsed, tasks_held, is_stray FROM PUBLIC;
GRANT EXECUTE ON FUNCTION leases_lost, plans_lost, tasks_due, tasks_ready, goals_received,
  tasks_to_judge, receipts_to_judge, grants_to_carry, grants_dead, grants_ending, grants_unknown,
  settlements_open, approvals_late, calls_lapsed, tasks_held, is_stray
  TO chimera_swarm;
