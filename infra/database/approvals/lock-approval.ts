import type { EffectState } from '@chimera/contracts/effect'

import type { Sql } from '../open-database.ts'
import { type LoadedApproval, readApproval } from './load-approvals.ts'
import { MAY_STILL } from './may-still.ts'

/** A request that nobody else decides until the caller's transaction ends. */
export type LockedApproval = {
  approval: LoadedApproval
  /** Whether the task waits for people. */
  isAwaited: boolean
  /** The newest round that waits for it or rests on it. */
  effect: { id: string; state: EffectState; cancelling: boolean } | undefined
}

/**
 * Locks task, request and round, in the order of the Judge; nothing when the tenant has no such
 * request.
 */
export async function lockApproval(
  tx: Sql,
  of: { tenantId: string; id: string },
): Promise<LockedApproval | undefined> {
  const [task] = await tx.query<{ phase: string }>({
    name: 'lock-task-of-approval',
    text: `SELECT phase FROM tasks WHERE id =
        (SELECT task_id FROM approvals WHERE tenant_id = $1 AND id = $2) FOR UPDATE`,
    values: [of.tenantId, of.id],
  })
  if (task === undefined) return undefined
  await tx.query({
    name: 'lock-approval',
    text: 'SELECT FROM approvals WHERE id = $1 FOR UPDATE',
    values: [of.id],
  })
  const [effect] = await tx.query<{ id: string; state: EffectState; cancelling: boolean }>({
    name: 'lock-effect-of-approval',
    text: `SELECT e.id, e.state, e.cancelling FROM effects e
      WHERE e.id = (SELECT effect_id FROM approvals WHERE id = $1)
        OR (e.effect_key = (SELECT effect_key FROM approvals WHERE id = $1)
          AND $1 = ANY(e.approvals))
      ORDER BY e.round DESC LIMIT 1 FOR UPDATE`,
    values: [of.id],
  })
  const approval = await readApproval(tx, of.id)
  return { approval, isAwaited: task.phase === 'awaiting_approval', effect }
}

/** Whether a token may decide now; held for the rest of the transaction. */
export async function holdDecider(tx: Sql, tokenId: string): Promise<boolean> {
  await tx.query({
    name: 'lock-deciders-user',
    text: `SELECT FROM users u JOIN api_tokens k ON k.tenant_id = u.tenant_id AND k.user_id = u.id
      WHERE k.id = $1 FOR SHARE OF u`,
    values: [tokenId],
  })
  await tx.query({
    name: 'lock-decider',
    text: 'SELECT FROM api_tokens WHERE id = $1 FOR SHARE',
    values: [tokenId],
  })
  const rows = await tx.query({
    name: 'may-decide',
    text: `SELECT FROM api_tokens k WHERE k.id = $1 AND ${MAY_STILL}`,
    values: [tokenId],
  })
  return rows.length > 0
}
