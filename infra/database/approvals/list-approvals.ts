import type { ApprovalState, ApprovalView } from '@chimera/contracts/judging/approval'

import type { Sql } from '../open-database.ts'
import { APPROVAL_COLUMNS, approvalViewOf, type ApprovalViewRow } from './approval-view.ts'

/** Where a page ended: the time that it is ordered by, as the database writes it, and the id. */
export type InboxPlace = readonly [at: string, id: string]

/**
 * A tenant's requests: the open ones by when they expire, soonest first; those of another state,
 * or of a goal, likewise. Answers the place after which the next page begins, if there is one.
 */
export async function listApprovals(
  sql: Sql,
  of: {
    tenantId: string
    state?: ApprovalState | undefined
    goalId?: string | undefined
    after?: InboxPlace | undefined
    limit: number
  },
): Promise<{ approvals: ApprovalView[]; next: InboxPlace | undefined }> {
  const rows = await sql.query<ApprovalViewRow & { at: string }>({
    text: `SELECT ${APPROVAL_COLUMNS}, a.expires_at::text AS at FROM approvals a
      WHERE a.tenant_id = $1 AND ($2::text IS NULL OR a.state = $2)
        AND ($3::text IS NULL OR a.goal_id = $3)
        AND ($4::timestamptz IS NULL OR (a.expires_at, a.id) > ($4::timestamptz, $5::uuid))
      ORDER BY a.expires_at, a.id LIMIT $6`,
    values: [
      of.tenantId,
      of.state ?? null,
      of.goalId ?? null,
      of.after?.[0] ?? null,
      of.after?.[1] ?? null,
      of.limit + 1,
    ],
  })
  const page = rows.slice(0, of.limit)
  const last = page.at(-1)
  return {
    approvals: page.map(approvalViewOf),
    next: rows.length > of.limit && last !== undefined ? [last.at, last.id] : undefined,
  }
}

/** One request of a tenant, or nothing. */
export async function findApproval(
  sql: Sql,
  of: { tenantId: string; id: string },
): Promise<ApprovalView | undefined> {
  const [row] = await sql.query<ApprovalViewRow>({
    text: `SELECT ${APPROVAL_COLUMNS} FROM approvals a WHERE a.tenant_id = $1 AND a.id = $2`,
    values: [of.tenantId, of.id],
  })
  return row === undefined ? undefined : approvalViewOf(row)
}
