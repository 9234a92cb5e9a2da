import type { Sql } from '../open-database.ts'
import { MAY_STILL } from './may-still.ts'

/**
 * Locks approvals that grants rest on, with the tokens and users of those who gave them, for the
 * rest of the granting transaction. Answers the ids of those that are as they were read and have
 * enough people who may still approve: whoever takes a role away waits for this transaction, or is
 * seen by it.
 */
export async function holdApprovals(
  tx: Sql,
  approvals: readonly { id: string; versionId: string }[],
): Promise<Set<string>> {
  if (approvals.length === 0) return new Set()
  const ids = [approvals.map(({ id }) => id)]
  await tx.query({
    name: 'lock-approvals',
    text: `SELECT FROM approvals WHERE id = ANY($1::uuid[]) ORDER BY id FOR SHARE`,
    values: ids,
  })
  await tx.query({
    name: 'hold-approvers',
    text: 'SELECT hold_approvers($1::uuid[])',
    values: ids,
  })
  // A statement of its own: it sees what those that held the locks committed.
  const rows = await tx.query<{ id: string; version_id: string }>({
    name: 'read-held-approvals',
    text: `SELECT a.id, a.version_id FROM approvals a
      WHERE a.id = ANY($1::uuid[]) AND a.expires_at > now()
        AND a.needed <= (SELECT count(*) FROM approval_words w
          JOIN api_tokens k ON k.id = w.token_id WHERE w.approval_id = a.id AND ${MAY_STILL}
            AND NOT (a.not_requester AND w.approver IN (a.requester, coalesce(a.editor, ''))))`,
    values: ids,
  })
  const versions = new Map(rows.map((row) => [row.id, row.version_id]))
  return new Set(
    approvals.filter(({ id, versionId }) => versions.get(id) === versionId).map(({ id }) => id),
  )
}
