import { PolicyRequest } from '@chimera/contracts/policy/policy-request'

import type { Sql } from '../open-database.ts'

/** A decision of the past, with what became of the effect. */
export type PastDecision = {
  readonly effectId: string
  readonly goalId: string
  readonly state: string
  readonly policy: string
  readonly decision: 'allow' | 'deny' | 'require_approval'
  readonly code: string
  readonly rules: readonly string[]
  readonly request: PolicyRequest
  readonly createdAt: Date
}

type Row = Omit<PastDecision, 'request'> & { request: unknown }

const COLUMNS = `d.effect_id AS "effectId", e.goal_id AS "goalId", e.state, d.policy, d.decision,
  d.code, d.rules, d.request, d.created_at AS "createdAt"`

/** Decisions that one simulation looks at: the newest of the time asked for. */
export const MAX_DECISIONS = 10_000

/** What the policy decided of an effect, by the id of its row or its grant; or nothing. */
export async function findDecision(
  sql: Sql,
  of: { tenantId: string; effectId: string },
): Promise<PastDecision | undefined> {
  const [row] = await sql.query<Row>({
    text: `SELECT ${COLUMNS} FROM policy_decisions d JOIN effects e ON e.id = d.effect_id
      WHERE d.tenant_id = $1 AND (e.id = $2 OR e.grant_id = $2) LIMIT 1`,
    values: [of.tenantId, of.effectId],
  })
  return row === undefined ? undefined : decisionOf(row)
}

/** The decisions since a time, oldest first. */
export async function listDecisions(
  sql: Sql,
  of: { tenantId: string; days: number; limit?: number },
): Promise<PastDecision[]> {
  const rows = await sql.query<Row>({
    text: `SELECT ${COLUMNS} FROM policy_decisions d JOIN effects e ON e.id = d.effect_id
      WHERE d.tenant_id = $1 AND d.created_at > now() - $2 * interval '1 day'
      ORDER BY d.created_at DESC, d.effect_id DESC LIMIT $3`,
    values: [of.tenantId, of.days, of.limit ?? MAX_DECISIONS],
  })
  return rows.map(decisionOf).toReversed()
}

const decisionOf = (row: Row): PastDecision => ({
  ...row,
  request: PolicyRequest.parse(row.request),
})
