-- No queue is looked at for more tasks than are asked for: of one queue alone, which is what a burst
-- is, four times as many were read and three of four left. The rest is as in 0019.
CREATE OR REPLACE FUNCTION next_turns(p_types text[], p_most int, p_of_agent int, p_of_tenant int,
  p_unjudged int) RETURNS TABLE (id uuid, tenant_id uuid)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = public, pg_temp
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_sort = off
SET enable_hashjoin = off SET enable_mergejoin = off AS $$
#variable_conflict use_column
BEGIN
  PERFORM pg_advisory_xact_lock(1953854062, 0);
  IF p_unjudged < (SELECT count(*) FROM (SELECT FROM tasks WHERE phase = 'judging'
    AND coalesce(run_at, result_at) <= now() LIMIT p_unjudged + 1) AS unjudged) THEN
    RETURN;
  END IF;
  RETURN QUERY
  -- Each queue is one look into the index, however long it is.
  WITH RECURSIVE queues AS (
    (SELECT t.type, t.tenant_id, t.turn_agent FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL
      ORDER BY t.type, t.tenant_id, t.turn_agent LIMIT 1)
    UNION ALL
    SELECT n.type, n.tenant_id, n.turn_agent FROM queues q, LATERAL (
      SELECT t.type, t.tenant_id, t.turn_agent FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL
        AND (t.type, t.tenant_id, t.turn_agent) > (q.type, q.tenant_id, q.turn_agent)
      ORDER BY t.type, t.tenant_id, t.turn_agent LIMIT 1) AS n
  ), mine AS MATERIALIZED (
    SELECT * FROM queues WHERE type = ANY (p_types)
  ), flying AS MATERIALIZED (
    SELECT t.tenant_id, g.agent_id, count(*) AS n
    FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE t.status = 'IN_PROGRESS' GROUP BY t.tenant_id, g.agent_id
  ), rooms AS MATERIALIZED (
    SELECT m.type, m.tenant_id, m.turn_agent, p_of_agent - coalesce(f.n, 0) AS of_agent,
      p_of_tenant - coalesce((SELECT sum(c.n) FROM flying c WHERE c.tenant_id = m.tenant_id), 0)
        AS of_tenant
    FROM mine m LEFT JOIN flying f ON f.tenant_id = m.tenant_id AND f.agent_id = m.turn_agent
    WHERE NOT EXISTS (SELECT FROM tenants p WHERE p.id = m.tenant_id AND p.status = 'PAUSED')
      AND NOT EXISTS (SELECT FROM agents p
        WHERE p.tenant_id = m.tenant_id AND p.id = m.turn_agent AND p.status = 'PAUSED')
  ), found AS (
    SELECT x.id, r.tenant_id, x.turn, r.of_agent, r.of_tenant,
      row_number() OVER (PARTITION BY r.tenant_id ORDER BY x.turn, x.id) AS lap,
      row_number() OVER (PARTITION BY r.tenant_id, r.turn_agent ORDER BY x.turn, x.id) AS place
    FROM rooms r, LATERAL (
      -- A question for each row, not a join: that might begin with the goals and read the queue.
      SELECT t.id, t.turn FROM tasks t
      WHERE t.phase = 'ready' AND t.turn IS NOT NULL AND t.type = r.type
        AND t.tenant_id = r.tenant_id AND t.turn_agent = r.turn_agent
        AND (SELECT g.status IN ('PLANNED', 'ACTIVE') AND NOT EXISTS (SELECT FROM campaigns p
            WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')
          FROM goals g WHERE g.tenant_id = t.tenant_id AND g.id = t.goal_id)
      ORDER BY t.turn
      LIMIT greatest(0, least(r.of_agent, r.of_tenant, p_most,
        greatest(16, 4 * p_most / (SELECT count(*) FROM mine))))) AS x
  )
  SELECT f.id, f.tenant_id FROM found f WHERE f.place <= f.of_agent AND f.lap <= f.of_tenant
  ORDER BY f.lap, f.turn, f.id LIMIT p_most;
END
$$;
