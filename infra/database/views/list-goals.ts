import type { GoalStatus } from '@chimera/contracts/goal'
import type { GoalSummary } from '@chimera/contracts/observable'

import type { Sql } from '../open-database.ts'
import { GOAL_SUMMARY_COLUMNS, goalSummaryOf, type GoalSummaryRow } from './goal-summary.ts'

/** The last goal of a page: the next page begins after it, whatever arrives meanwhile. */
export type GoalPosition = { readonly receivedAt: string; readonly id: string }

/** A tenant's goals, newest first, and where the next page begins, if there is one. */
export async function listGoals(
  sql: Sql,
  of: {
    tenantId: string
    status?: GoalStatus | undefined
    after?: GoalPosition | undefined
    limit: number
  },
): Promise<{ goals: GoalSummary[]; next: GoalPosition | undefined }> {
  const rows = await sql.query<GoalSummaryRow>({
    text: `SELECT ${GOAL_SUMMARY_COLUMNS} FROM goals g
      WHERE g.tenant_id = $1 AND ($2::text IS NULL OR g.status = $2)
        AND ($3::timestamptz IS NULL OR (g.received_at, g.id) < ($3, $4))
      ORDER BY g.received_at DESC, g.id DESC LIMIT $5`,
    values: [
      of.tenantId,
      of.status ?? null,
      of.after?.receivedAt ?? null,
      of.after?.id ?? null,
      of.limit + 1,
    ],
  })
  const page = rows.slice(0, of.limit)
  const last = rows.length > of.limit ? page.at(-1) : undefined
  return {
    goals: page.map(goalSummaryOf),
    next: last === undefined ? undefined : { receivedAt: last.position, id: last.id },
  }
}
