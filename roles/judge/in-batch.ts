import type { Database } from '@chimera/infra/database/open-database'
import { type BatchKey, findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import { openTenantDatabase, type TenantDatabase } from '@chimera/infra/database/tenant-database'

/**
 * Does one batch of the Judge's work: it sees the rows of the tenants that the record says the
 * batch is about, and of those whom the rings named themselves. A ring says what to look at; whose
 * it is says the row.
 */
export async function inBatch<Deps extends { readonly database: Database }, T>(
  deps: Deps,
  of: { readonly keys: readonly BatchKey[]; readonly named?: readonly string[] },
  work: (deps: Deps & { readonly database: TenantDatabase }) => Promise<T>,
): Promise<T> {
  const database = openTenantDatabase(deps.database)
  const tenants = new Set(of.named)
  for (const key of of.keys) {
    for (const tenantId of await findBatchTenants(deps.database, key)) tenants.add(tenantId)
  }
  return database.as({ tenantIds: [...tenants] }, () => work({ ...deps, database }))
}
