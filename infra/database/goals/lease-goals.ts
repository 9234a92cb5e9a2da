import type { GoalStatus, Trust } from '@chimera/contracts/goal'

import { inState } from '../in-state.ts'
import type { Database, Sql } from '../open-database.ts'
import { tenantsIn } from '../tenant-database.ts'

/**
 * A goal to plan, as its row says it is; the version proves at the commit that it still is ours.
 */
export type LeasedGoal = {
  readonly tenantId: string
  readonly id: string
  readonly versionId: string
  readonly agentId: string
  /** Parsed by whoever plans it: one row that does not fit must not spoil the batch. */
  readonly content: unknown
  /** Whose words the goal is made of. */
  readonly trust: Trust
  /** When it arrived, in milliseconds of the epoch: the ids of its tasks begin with it. */
  readonly receivedMs: number
  /** 0 for a goal that has had no plan yet; what was rejected else. */
  readonly plansEnded: number
}

/** A goal by its key. */
export type GoalKey = { readonly tenantId: string; readonly id: string }

type Row = {
  tenant_id: string
  id: string
  version_id: string
  agent_id: string
  content: unknown
  trust: Trust
  received_ms: number
  plans_ended: number
}

const asLeased = (row: Row): LeasedGoal => ({
  tenantId: row.tenant_id,
  id: row.id,
  versionId: row.version_id,
  agentId: row.agent_id,
  content: row.content,
  trust: row.trust,
  receivedMs: row.received_ms,
  plansEnded: row.plans_ended,
})

/**
 * What may be leased: waiting for its first or another plan, and free, over, or this owner's own
 * from an earlier life.
 */
const FREE = `(${inState('g.status', 'RECEIVED')}
    OR (${inState('g.status', 'ACTIVE')} AND g.replan_at IS NOT NULL))
  AND (g.lease_until IS NULL OR g.lease_until <= now() OR g.lease_owner = $1)`

const TAKE = `UPDATE goals g SET lease_owner = $1, version_id = new_version(),
    lease_until = now() + $2::float8 * interval '1 millisecond'
  FROM free f WHERE g.tenant_id = f.tenant_id AND g.id = f.id
  RETURNING g.tenant_id, g.id, g.version_id, g.agent_id, g.content, g.trust,
    floor(extract(epoch FROM g.received_at) * 1000)::float8 AS received_ms,
    CASE WHEN g.status = 'ACTIVE' THEN g.plan ELSE 0 END AS plans_ended`

/**
 * Leases the goals of these keys for planning, by the clock of the database. What another holds,
 * has planned or locks at the moment is left out: it is in good hands, and the Keeper rings again
 * for what is not. A lease is no transition: it writes no audit.
 */
export async function leaseGoals(
  sql: Sql,
  of: { keys: readonly GoalKey[]; owner: string; leaseMs: number },
): Promise<LeasedGoal[]> {
  if (of.keys.length === 0) return []
  const rows = await sql.query<Row>({
    name: 'lease-goals',
    text: `WITH free AS (
        SELECT g.tenant_id, g.id FROM goals g
        WHERE (g.tenant_id, g.id) IN (SELECT * FROM unnest($3::uuid[], $4::text[])) AND ${FREE}
        ORDER BY g.tenant_id, g.id FOR UPDATE SKIP LOCKED
      ) ${TAKE}`,
    values: [
      of.owner,
      of.leaseMs,
      of.keys.map(({ tenantId }) => tenantId),
      of.keys.map(({ id }) => id),
    ],
  })
  return rows.map((row) => asLeased(row))
}

/**
 * Leases the oldest goals that wait for a plan: what was left behind by whoever died. Their keys
 * first, of whatever tenant; their rows as those tenants alone. Another may lease some in between.
 */
export async function leaseOldestGoals(
  database: Database,
  of: { limit: number; owner: string; leaseMs: number },
): Promise<LeasedGoal[]> {
  const rows = await database.query<{ tenant_id: string; id: string }>({
    name: 'goals-to-plan',
    text: 'SELECT tenant_id, id FROM goals_to_plan($1, $2)',
    values: [of.owner, of.limit],
  })
  const keys = rows.map(({ tenant_id: tenantId, id }) => ({ tenantId, id }))
  if (keys.length === 0) return []
  return database.transaction((tx) => leaseGoals(tx, { ...of, keys }), tenantsIn(keys))
}

/** Where goals are; keys without a row are left out. */
export async function readGoalStatuses(
  sql: Sql,
  keys: readonly GoalKey[],
): Promise<(GoalKey & { status: GoalStatus })[]> {
  if (keys.length === 0) return []
  const rows = await sql.query<{ tenant_id: string; id: string; status: GoalStatus }>({
    name: 'read-goal-statuses',
    text: `SELECT g.tenant_id, g.id, g.status
      FROM unnest($1::uuid[], $2::text[]) AS u(tenant_id, id)
      JOIN goals g ON g.tenant_id = u.tenant_id AND g.id = u.id`,
    values: [keys.map(({ tenantId }) => tenantId), keys.map(({ id }) => id)],
  })
  return rows.map((row) => ({ tenantId: row.tenant_id, id: row.id, status: row.status }))
}

/**
 * Renews the leases of goals whose planning takes long; answers how many are still held. A renewal
 * is no move: the version stays, which proves at the commit that nobody took the goal in between.
 */
export async function renewGoalLeases(
  sql: Sql,
  of: { goals: readonly LeasedGoal[]; owner: string; leaseMs: number },
): Promise<number> {
  if (of.goals.length === 0) return 0
  const rows = await sql.query({
    name: 'renew-goal-leases',
    text: `UPDATE goals g SET lease_until = now() + $2::float8 * interval '1 millisecond'
      FROM unnest($3::uuid[], $4::text[], $5::uuid[]) AS u(tenant_id, id, version_id)
      WHERE g.tenant_id = u.tenant_id AND g.id = u.id AND g.version_id = u.version_id
        AND g.lease_owner = $1 AND g.status IN ('RECEIVED', 'ACTIVE')
      RETURNING 1`,
    values: [
      of.owner,
      of.leaseMs,
      of.goals.map(({ tenantId }) => tenantId),
      of.goals.map(({ id }) => id),
      of.goals.map(({ versionId }) => versionId),
    ],
  })
  return rows.length
}
