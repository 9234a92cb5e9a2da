-- The Planner works as chimera_swarm too. Its rings name tenant and goal; what it takes up when it
-- starts, and nobody rings for, is found by its keys, as the owner. The rows are read and leased
-- under the tenants of those keys.

CREATE FUNCTION goals_to_plan(p_planner text, p_most int) RETURNS TABLE (tenant_id uuid, id text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
  SELECT g.tenant_id, g.id FROM goals g
  WHERE (g.status = 'RECEIVED' OR (g.status = 'ACTIVE' AND g.replan_at IS NOT NULL))
    AND (g.lease_until IS NULL OR g.lease_until <= now() OR g.lease_owner = p_planner)
  ORDER BY g.received_at LIMIT p_most
$$;

REVOKE EXECUTE ON FUNCTION goals_to_plan FROM PUBLIC;
GRANT EXECUTE ON FUNCTION goals_to_plan TO chimera_swarm;
