import { InvariantError } from '@chimera/contracts/errors'
import type { Goal, GoalStatus, Trust } from '@chimera/contracts/goal'
import { DEFAULT_AGENT, newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import { planColumns, writePlans, type GoalPlan } from './commit-plans.ts'
import { goalContent, type GoalContent } from './goal-content.ts'

/** A goal that somebody wants accepted. */
export type NewGoal = {
  readonly tenantId: string
  readonly id: string
  readonly goal: Goal
  readonly source: 'stream' | 'http' | 'cli' | 'mcp'
  readonly trust: Trust
  /** The person who asks, as `personOf` names one; nobody known for goals from the stream. */
  readonly requestedBy?: string
  /** `goalContent(goal)`, when the caller has it already. */
  readonly content?: GoalContent
  /** A plan that is there already is committed with its goal, in one row version. */
  readonly plan?: GoalPlan | undefined
}

/**
 * What became of it: `inserted` now; `same` when it was there, with where it is; `conflict` when
 * another goal has the id (GOAL_ID_CONFLICT).
 */
export type InsertedGoal = {
  readonly outcome: 'inserted' | 'same' | 'conflict'
  readonly tenantId: string
  readonly id: string
  readonly status: GoalStatus
  readonly versionId: string
}

/** Whoever inserts a goal to plan it at once takes the lease with it and saves a row version. */
export type InsertLease = { readonly owner: string; readonly leaseMs: number }

type Row = {
  tenant_id: string
  id: string
  status: GoalStatus
  version_id: string
  content_hash: string
  trust: Trust
}

/**
 * Commits goals as RECEIVED within the caller's transaction, and those that bring their plan as
 * ACTIVE with it, or FAILED; the caller appends the audit. Answers in the order given. The same
 * goal twice, in one batch or by racing processes, is inserted once: rows are inserted in key
 * order, so that two batches wait for each other and never for ever. A stranger's goal that took
 * the id of an owner's first is a conflict even with the same words: the owner's would run with
 * the rights of the stranger's.
 */
export async function insertGoals(
  tx: Sql,
  goals: readonly NewGoal[],
  audit: AuditDraft,
  lease?: InsertLease,
): Promise<InsertedGoal[]> {
  if (goals.length === 0) return []
  const given = goals.map((goal) => ({
    ...goal,
    key: keyOf(goal),
    of: goal.content ?? goalContent(goal.goal),
  }))
  const firsts = new Map<string, Given>()
  for (const goal of given) if (!firsts.has(goal.key)) firsts.set(goal.key, goal)
  const sorted = [...firsts.values()].toSorted((a, b) => (a.key < b.key ? -1 : 1))
  const inserted = await insertRows(tx, sorted, audit, lease)
  const rows = new Map([...inserted, ...(await readRows(tx, sorted, inserted))])

  const isNew = new Set(inserted.keys())
  const answers = given.map((goal): InsertedGoal => {
    const row = rows.get(goal.key)
    if (row === undefined) throw new InvariantError(`Goal ${goal.id} was neither new nor there.`)
    const outcome = isNew.delete(goal.key) ? 'inserted' : isSame(row, goal) ? 'same' : 'conflict'
    if (outcome === 'inserted') {
      const item = { subject: 'goal', id: goal.id, from: null, to: 'RECEIVED' } as const
      audit.add(goal.tenantId, { ...item, input: goal.of.hash })
    }
    const { tenantId, id } = goal
    return { outcome, tenantId, id, status: row.status, versionId: row.version_id }
  })
  const plans = sorted.flatMap(({ key, plan }) => (inserted.has(key) && plan ? [plan] : []))
  await writePlans(tx, plans, audit)
  return answers
}

type Given = NewGoal & { readonly key: string; readonly of: GoalContent }

/** A goal id holds no space. */
const keyOf = ({ tenantId, id }: { tenantId: string; id: string }): string => `${tenantId} ${id}`

const isSame = (row: Row, { of, trust }: Given): boolean =>
  row.content_hash === of.hash && (row.trust === 'owner' || trust === 'untrusted')

async function insertRows(
  tx: Sql,
  goals: readonly Given[],
  audit: AuditDraft,
  lease: InsertLease | undefined,
): Promise<Map<string, Row>> {
  const plans = goals.map(({ plan }) => planColumns(plan))
  const rows = await tx.query<Row & { made: 'goal' | 'agent' | 'campaign' }>({
    name: 'insert-goals',
    text: INSERT,
    values: [
      goals.map(({ tenantId }) => tenantId),
      goals.map(({ id }) => id),
      goals.map(({ plan }) => plan?.versionId ?? newId()),
      goals.map(({ goal }) => goal.mode),
      goals.map(({ goal }) => goal.agent_id ?? DEFAULT_AGENT),
      goals.map(({ goal }) => goal.campaign_id ?? null),
      goals.map(({ source }) => source),
      goals.map(({ trust }) => trust),
      goals.map(({ of }) => JSON.stringify(of.content)),
      goals.map(({ of }) => of.hash),
      lease?.owner ?? null,
      lease?.leaseMs ?? null,
      goals.map(({ tenantId }) => audit.idFor(tenantId)),
      goals.map(({ requestedBy }) => requestedBy ?? null),
      goals.map(({ plan }) => statusOf(plan)),
      plans.map(({ planHash }) => planHash),
      plans.map(({ planner }) => planner),
      plans.map(({ failure }) => failure),
      plans.map(({ tasks }) => tasks),
    ],
  })
  for (const { made, tenant_id: tenantId, id } of rows) {
    if (made === 'goal') continue
    audit.add(tenantId, { subject: made, id, from: null, to: 'ACTIVE', note: 'first use' })
  }
  return byKey(rows.filter(({ made }) => made === 'goal'))
}

const statusOf = (plan: GoalPlan | undefined): GoalStatus =>
  plan === undefined ? 'RECEIVED' : 'plan' in plan ? 'ACTIVE' : 'FAILED'

/**
 * Goals, and with them the agents and campaigns that they are the first to name: in the one
 * statement, because there is hardly ever one.
 */
const INSERT = `WITH given AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::text[],
      $7::text[], $8::text[], $9::jsonb[], $10::text[], $13::uuid[], $14::text[], $15::text[],
      $16::text[], $17::text[], $18::jsonb[], $19::int[])
      AS u(tenant_id, id, version_id, mode, agent_id, campaign_id, source, trust, content,
        content_hash, audit_id, requested_by, status, plan_hash, planner, failure, tasks)
  ), accepted AS (
    INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, campaign_id, source,
      trust, content, content_hash, lease_owner, lease_until, audit_id, requested_by, plan_hash,
      planner, failure, tasks_total, tasks_open, planned_at, finished_at)
    SELECT tenant_id, id, version_id, status, mode, agent_id, campaign_id, source, trust,
      content, content_hash, CASE WHEN status = 'RECEIVED' THEN $11::text END,
      CASE WHEN status = 'RECEIVED' THEN now() + $12::float8 * interval '1 millisecond' END,
      audit_id, requested_by, plan_hash, planner, failure, tasks, tasks,
      CASE WHEN status = 'ACTIVE' THEN now() END, CASE WHEN status = 'FAILED' THEN now() END
    FROM given
    ON CONFLICT (tenant_id, id) DO NOTHING
    RETURNING tenant_id, id, status, version_id, content_hash, trust
  ), named AS (
    INSERT INTO agents (tenant_id, id, version_id, audit_id)
    SELECT DISTINCT ON (tenant_id, agent_id) tenant_id, agent_id, new_version(), audit_id
    FROM given ORDER BY tenant_id, agent_id
    ON CONFLICT DO NOTHING RETURNING tenant_id, id
  ), framed AS (
    INSERT INTO campaigns (tenant_id, id, version_id, agent_id, audit_id)
    SELECT DISTINCT ON (tenant_id, campaign_id) tenant_id, campaign_id, new_version(), agent_id,
      audit_id
    FROM given WHERE campaign_id IS NOT NULL ORDER BY tenant_id, campaign_id
    ON CONFLICT DO NOTHING RETURNING tenant_id, id
  )
  SELECT 'goal' AS made, * FROM accepted
  UNION ALL SELECT 'agent', tenant_id, id, NULL, NULL, NULL, NULL FROM named
  UNION ALL SELECT 'campaign', tenant_id, id, NULL, NULL, NULL, NULL FROM framed`

/** A second statement sees what a racing transaction committed while the first waited for it. */
async function readRows(
  tx: Sql,
  goals: readonly Given[],
  inserted: ReadonlyMap<string, Row>,
): Promise<Map<string, Row>> {
  const others = goals.filter(({ key }) => !inserted.has(key))
  if (others.length === 0) return new Map()
  const rows = await tx.query<Row>({
    name: 'read-goals-of-ids',
    text: `SELECT g.tenant_id, g.id, g.status, g.version_id, g.content_hash, g.trust
      FROM unnest($1::uuid[], $2::text[]) AS u(tenant_id, id)
      JOIN goals g ON g.tenant_id = u.tenant_id AND g.id = u.id`,
    values: [others.map(({ tenantId }) => tenantId), others.map(({ id }) => id)],
  })
  return byKey(rows)
}

const byKey = (rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [keyOf({ tenantId: row.tenant_id, id: row.id }), row]))
