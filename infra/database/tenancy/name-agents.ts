import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/**
 * Makes rows for agents that nobody made by hand, within the caller's transaction: whoever is named
 * first by a campaign exists from then on, and can be seen, paused and given a budget.
 */
export async function nameAgents(
  tx: Sql,
  of: { tenantId: string; ids: readonly string[] },
  audit: AuditDraft,
): Promise<void> {
  const { tenantId } = of
  const made = await tx.query<{ id: string }>({
    text: `INSERT INTO agents (tenant_id, id, version_id, audit_id)
      SELECT $1, id, new_version(), $3 FROM unnest($2::text[]) AS u(id) ORDER BY id
      ON CONFLICT DO NOTHING RETURNING id`,
    values: [tenantId, [...new Set(of.ids)], audit.idFor(tenantId)],
  })
  for (const { id } of made) {
    audit.add(tenantId, { subject: 'agent', id, from: null, to: 'ACTIVE', note: 'first use' })
  }
}
