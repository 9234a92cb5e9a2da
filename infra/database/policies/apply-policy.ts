import { canonicalHash } from '@chimera/contracts/canonical'
import { ConflictError, TerminalError } from '@chimera/contracts/errors'
import type { PolicyDocument } from '@chimera/contracts/policy/policy-document'

import { appendAudit, type AuditDraft, draftAudit } from '../append-audit.ts'
import { FENCE_COLUMNS, type Fence, fenceOf, type FenceRow } from '../fences/fence.ts'
import type { Database, Sql } from '../open-database.ts'

export type AppliedPolicy = {
  readonly version: number
  /** Of the tenant, raised: what was granted under the version before is below it. */
  readonly fence: Fence
  readonly audit: ReturnType<AuditDraft['items']>
}

/**
 * Puts a new version in force. Grants that are being committed are waited for; every later one is
 * judged by the new version, and the tenant's fence has risen, so that none made before claims once
 * the tool servers know (that is the caller's part). A stop that stands keeps standing. Throws
 * VERSION_CONFLICT when `expected` is not the version in force.
 */
export async function applyPolicy(
  database: Database,
  of: {
    tenantId: string
    source: string
    document: PolicyDocument
    note: string | null
    actor: string
    expected?: number | undefined
  },
): Promise<AppliedPolicy> {
  return database.transaction(async (tx) => {
    // The fence first, as in the granting transaction: the two never wait for each other.
    const fence = await raiseTenantFence(tx, of)
    const version = await moveVersion(tx, of)
    const audit = draftAudit()
    await tx.query({
      text: `INSERT INTO policies (tenant_id, version, source, document, hash, note, actor,
          audit_id)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
      values: [
        of.tenantId,
        version,
        of.source,
        JSON.stringify(of.document),
        canonicalHash(of.document),
        of.note,
        of.actor,
        audit.idFor(of.tenantId),
      ],
    })
    audit.add(of.tenantId, {
      subject: 'policy',
      id: `${of.document.name}@${version}`,
      from: String(version - 1),
      to: 'APPLIED',
      input: canonicalHash(of.document),
      note: `fence of the tenant at ${fence.epoch}${of.note === null ? '' : `: ${of.note}`}`.slice(
        0,
        500,
      ),
    })
    await appendAudit(tx, audit, of.actor)
    return { version, fence, audit: audit.items() }
  })
}

async function raiseTenantFence(
  tx: Sql,
  { tenantId, actor }: { tenantId: string; actor: string },
): Promise<Fence> {
  const [row] = await tx.query<FenceRow>({
    text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
      VALUES ($1, 1, false, 'a new policy', $2)
      ON CONFLICT (scope) DO UPDATE SET epoch = f.epoch + 1,
        reason = CASE WHEN f.stopped THEN f.reason ELSE excluded.reason END,
        actor = CASE WHEN f.stopped THEN f.actor ELSE excluded.actor END, changed_at = now()
      RETURNING ${FENCE_COLUMNS}`,
    values: [`tenant:${tenantId}`, actor],
  })
  if (row === undefined) throw new Error('The fence was not written.')
  return fenceOf(row)
}

async function moveVersion(
  tx: Sql,
  { tenantId, expected }: { tenantId: string; expected?: number | undefined },
): Promise<number> {
  const [row] = await tx.query<{ policy_version: number }>({
    text: `UPDATE tenants SET policy_version = policy_version + 1, version_id = new_version()
      WHERE id = $1 RETURNING policy_version`,
    values: [tenantId],
  })
  if (row === undefined) throw new TerminalError('POLICY_NOT_FOUND', 'There is no such tenant.')
  const before = row.policy_version - 1
  if (expected !== undefined && expected !== before) {
    throw new ConflictError(
      'VERSION_CONFLICT',
      `Version ${before} of the policy is in force, not ${expected}; look at it and try again.`,
    )
  }
  return row.policy_version
}
