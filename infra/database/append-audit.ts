import { newId } from '@chimera/contracts/ids'
import type { AuditItem, NotedItem } from '@chimera/contracts/trail/audit'

import { type Sql, write } from './open-database.ts'

/**
 * A transaction's audit entries: one per tenant, made before the rows that name them are written.
 */
export type AuditDraft = {
  /** The entry's id for a tenant; rows that this transaction moves carry it. */
  idFor(tenantId: string): string
  /** Adds a transition to the tenant's entry; `goalId` goes to the feed alone. */
  add(tenantId: string, item: AuditItem, goalId?: string): void
  /** Everything noted so far, for the feed after the commit. */
  items(): readonly NotedItem[]
}

/** Starts the entries of one transaction by one actor (`judge-1`, `token:0192...`). */
export function draftAudit(): AuditDraft {
  const entries = new Map<string, string>()
  const noted: NotedItem[] = []
  const idFor = (tenantId: string): string => {
    const known = entries.get(tenantId)
    if (known !== undefined) return known
    const id = newId()
    entries.set(tenantId, id)
    return id
  }
  return {
    idFor,
    add(tenantId, item, goalId) {
      idFor(tenantId)
      noted.push({ tenantId, item, ...(goalId === undefined ? {} : { goalId }) })
    },
    items: () => noted,
  }
}

/** Writes the drafted entries, one row per tenant; a draft without items writes nothing. */
export async function appendAudit(tx: Sql, draft: AuditDraft, actor: string): Promise<void> {
  const byTenant = new Map<string, AuditItem[]>()
  for (const { tenantId, item } of draft.items()) {
    const items = byTenant.get(tenantId)
    if (items === undefined) byTenant.set(tenantId, [item])
    else items.push(item)
  }
  if (byTenant.size === 0) return
  const tenants = [...byTenant.keys()]
  await write(tx, {
    name: 'append-audit',
    text: `INSERT INTO audit_entries (id, tenant_id, actor, items)
      SELECT id, tenant_id, $3, items
      FROM unnest($1::uuid[], $2::uuid[], $4::jsonb[]) AS e(id, tenant_id, items)`,
    values: [
      tenants.map((tenant) => draft.idFor(tenant)),
      tenants,
      actor,
      tenants.map((tenant) => JSON.stringify(byTenant.get(tenant))),
    ],
  })
}
