import type { TaskType } from '@chimera/contracts/agent-task'
import type { Mode, Trust } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'

import { inState } from '../in-state.ts'
import type { Sql } from '../open-database.ts'
import { IS_NOT_HELD } from '../tenancy/paused.ts'
import { AUDITED, ENTRIES, movesOf, moveValues, type TaskMove } from './audited-moves.ts'
import { type Caps, FLYING, FLYING_AT_MOST } from './caps.ts'

/** A doorbell: the id of a task, and the tenant whose it is said to be, if anything is said. */
export type TaskRing = Readonly<{ id: string; tenantId?: string | undefined }>

/** What a Worker runs: the row as the claim left it, never the entry that rang. */
export type ClaimedTask = Readonly<{
  id: string
  tenantId: string
  goalId: string
  agentId: string
  type: TaskType
  kind: string
  /** Proves at the commit that the task is still this Worker's. */
  versionId: string
  attempt: number
  /** RetryableErrors of its own so far. */
  retries: number
  /** Attempts whose Worker died or fell silent. */
  leasesLost: number
  mode: Mode
  trust: Trust
  /** Why the Judge rejected the last attempt. */
  feedback: string | null
  /** Parsed by whoever runs it: one payload that does not fit must not spoil the batch. */
  payload: unknown
  constraints: unknown
  /** It waited for its turn: there may be others. */
  didWait: boolean
}>

type ClaimRow = {
  id: string
  tenant_id: string
  goal_id: string
  agent_id: string
  type: TaskType
  kind: string
  version_id: string
  attempt: number
  retries: number
  leases_lost: number
  mode: Mode
  trust: Trust
  feedback: string | null
  payload: unknown
  constraints: unknown
  did_wait: boolean
}

/**
 * Claims what of the given tasks is ready: `PENDING/ready -> IN_PROGRESS/running`, a new attempt,
 * a lease by the database clock. What is not claimable (claimed by another, not due, done, goal
 * ended or paused, of another tenant than the ring says) is left out: a harmless duplicate. So is
 * what a cap has no room for. One statement for the batch; two racing Workers lock in the order of
 * ids, and the second finds nothing left to claim. Caps hold exactly in a transaction whose scope
 * is `isClaim`: others of the same tenants wait for its end.
 */
export async function claimTasks(
  sql: Sql,
  of: {
    rings: readonly TaskRing[]
    worker: string
    leaseMs: number
    /** Tasks that lost more leases are left alone; all are claimed without it. */
    mostLeasesLost?: number
    /** Nothing is held back without them. */
    caps?: Caps
  },
): Promise<{ tasks: ClaimedTask[]; moves: TaskMove[] }> {
  const rings = [...new Map(of.rings.map((ring) => [ring.id, ring])).values()]
  if (rings.length === 0) return { tasks: [], moves: [] }
  const rows = await sql.query<ClaimRow>({
    name: 'claim-tasks',
    text: CLAIM,
    values: [
      ...moveValues(of.worker),
      rings.map(({ id }) => id),
      rings.map(() => newId()),
      of.leaseMs,
      of.mostLeasesLost ?? null,
      rings.map(({ tenantId }) => tenantId ?? null),
      of.caps === undefined ? null : Math.min(of.caps.agent, of.caps.tenant),
      of.caps?.agent ?? null,
      of.caps?.tenant ?? null,
    ],
  })
  return { tasks: rows.map(taskOf), moves: movesOf(rows) }
}

/**
 * `ready` are those that may be claimed, `held` those of them that are. Who is in flight is counted
 * by tenant and agent only when all of them together come near a cap.
 */
const CLAIM = `WITH ready AS MATERIALIZED (
    SELECT t.id, t.tenant_id, t.goal_id, t.turn, u.version_id, g.agent_id, g.mode, g.trust
    FROM unnest($3::uuid[], $4::uuid[], $7::text[]) AS u(id, version_id, tenant_id)
    JOIN tasks t ON t.id = u.id AND t.tenant_id::text = coalesce(u.tenant_id, t.tenant_id::text)
    JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
    WHERE ${inState('t.phase', 'ready')}
      AND (t.run_at IS NULL OR t.run_at <= now() OR t.turn IS NOT NULL)
      AND g.status IN ('PLANNED', 'ACTIVE') AND ${IS_NOT_HELD}
      AND ($6::int IS NULL OR t.leases_lost <= $6)
    ORDER BY t.id
    FOR UPDATE OF t
  ), flying AS MATERIALIZED (
    SELECT * FROM (${FLYING}) AS everyone
    WHERE $8::int IS NOT NULL AND (${FLYING_AT_MOST}) + cardinality($3::uuid[]) > $8
  ), held AS MATERIALIZED (
    SELECT * FROM (
      SELECT ready.*, $8::int IS NULL OR (
        row_number() OVER (PARTITION BY tenant_id, agent_id ORDER BY turn, id) <= $9::int
          - coalesce((SELECT f.n FROM flying f WHERE f.tenant_id = ready.tenant_id
              AND f.agent_id = ready.agent_id), 0)
        AND row_number() OVER (PARTITION BY tenant_id ORDER BY turn, id) <= $10::int
          - coalesce((SELECT sum(f.n) FROM flying f WHERE f.tenant_id = ready.tenant_id), 0)
      ) AS has_room FROM ready
    ) AS placed WHERE has_room
  ), ${ENTRIES}, moved AS (
    UPDATE tasks t SET status = 'IN_PROGRESS', phase = 'running', version_id = h.version_id,
      attempt = t.attempt + 1, lease_owner = $1,
      lease_until = now() + $5 * interval '1 millisecond', claimed_at = now(),
      run_at = NULL, waiting_on = NULL, turn = NULL, turn_agent = NULL, audit_id = e.audit_id
    FROM held h JOIN entries e USING (tenant_id)
    WHERE t.id = h.id
    RETURNING t.id, t.tenant_id, t.goal_id, t.type, t.kind, t.version_id, t.attempt, t.retries,
      t.leases_lost, t.feedback, h.agent_id, h.mode, h.trust, h.turn IS NOT NULL AS did_wait,
      jsonb_build_object('subject', 'task', 'id', t.id, 'attempt', t.attempt,
        'from', 'ready', 'to', 'running') AS item
  ), ${AUDITED}
  SELECT m.*, p.payload, p.constraints
  FROM moved m JOIN task_payloads p ON p.task_id = m.id
  ORDER BY m.id`

const taskOf = (row: ClaimRow): ClaimedTask => ({
  id: row.id,
  tenantId: row.tenant_id,
  goalId: row.goal_id,
  agentId: row.agent_id,
  type: row.type,
  kind: row.kind,
  versionId: row.version_id,
  attempt: row.attempt,
  retries: row.retries,
  leasesLost: row.leases_lost,
  mode: row.mode,
  trust: row.trust,
  feedback: row.feedback,
  payload: row.payload,
  constraints: row.constraints,
  didWait: row.did_wait,
})
