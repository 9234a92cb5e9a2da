/**
 * Who holds a goal back, as SQL on its row `g`: each part is a look at an index of what is paused,
 * which is nearly always empty.
 */
const BY = {
  tenant: `EXISTS (SELECT FROM tenants p WHERE p.id = g.tenant_id AND p.status = 'PAUSED')`,
  campaign: `EXISTS (SELECT FROM campaigns p
    WHERE p.tenant_id = g.tenant_id AND p.id = g.campaign_id AND p.status = 'PAUSED')`,
  agent: `EXISTS (SELECT FROM agents p
    WHERE p.tenant_id = g.tenant_id AND p.id = g.agent_id AND p.status = 'PAUSED')`,
}

/** Nothing but the goal itself may hold it back. */
export const IS_NOT_HELD = `NOT (${BY.tenant} OR ${BY.campaign} OR ${BY.agent})`

/** The kind of what is paused, the narrowest first; null when the goal may go on. */
export const PAUSED_BY = `CASE WHEN g.status = 'PAUSED' THEN 'goal' WHEN ${BY.agent} THEN 'agent'
  WHEN ${BY.campaign} THEN 'campaign' WHEN ${BY.tenant} THEN 'tenant' END`
