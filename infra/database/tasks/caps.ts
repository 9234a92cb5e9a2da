/** How many tasks may be in flight at once: in the hands of Workers, whichever they are. */
export type Caps = Readonly<{
  /** Of one agent. */
  agent: number
  /** Of one tenant. */
  tenant: number
}>

/** Tasks in flight by tenant and agent, of the tenants that the transaction sees. */
export const FLYING = `SELECT r.tenant_id, f.agent_id, count(*) AS n
  FROM tasks r JOIN goals f ON f.tenant_id = r.tenant_id AND f.id = r.goal_id
  WHERE r.status = 'IN_PROGRESS' GROUP BY r.tenant_id, f.agent_id`

/** Those of the tenants together, at most $8 of them: whether any cap can bind at all. */
export const FLYING_AT_MOST = `SELECT count(*) FROM (
    SELECT FROM tasks c WHERE c.status = 'IN_PROGRESS' LIMIT $8) AS first`
