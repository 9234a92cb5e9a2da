import { ConflictError } from '@chimera/contracts/errors'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import { getMember, MEMBERS, type MemberKind } from './members.ts'
import { getTenant } from './tenants.ts'

/** What a person pauses, resumes, or (a campaign) ends for good. */
export type Standing = 'ACTIVE' | 'PAUSED' | 'COMPLETED'

export type StandingMove = {
  readonly kind: MemberKind | 'tenant'
  readonly tenantId: string
  readonly id: string
  readonly to: Standing
  readonly reason?: string | undefined
}

/**
 * Moves a tenant, user, agent or campaign within the caller's transaction; the caller appends the
 * audit. What stands so already stays as it is. Answers how it stands. Throws <KIND>_NOT_FOUND, and
 * CAMPAIGN_COMPLETED for a campaign that is over.
 */
export async function setStanding(tx: Sql, of: StandingMove, audit: AuditDraft): Promise<Standing> {
  const { kind, id, to, reason } = of
  // The trail of a tenant is its own, whoever of the house moves it.
  const tenantId = kind === 'tenant' ? id : of.tenantId
  const { status: from } =
    kind === 'tenant'
      ? await getTenant(tx, { id, isLocked: true })
      : await getMember(tx, { kind, tenantId, id, isLocked: true })
  if (from === to) return to
  if (from === 'COMPLETED') {
    throw new ConflictError('CAMPAIGN_COMPLETED', `The campaign ${id} is completed.`)
  }
  const auditId = audit.idFor(tenantId)
  if (kind === 'tenant') {
    await tx.query({
      text: 'UPDATE tenants SET status = $2, version_id = new_version() WHERE id = $1',
      values: [id, to],
    })
  } else {
    await tx.query({
      text: `UPDATE ${MEMBERS[kind].table}
        SET status = $3, version_id = new_version(), audit_id = $4
        WHERE tenant_id = $1 AND id = $2`,
      values: [tenantId, id, to, auditId],
    })
  }
  const note = reason === undefined ? {} : { note: reason.slice(0, 500).toWellFormed() }
  audit.add(tenantId, { subject: kind, id, from, to, ...note })
  return to
}
