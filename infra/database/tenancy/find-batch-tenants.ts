import type { Sql } from '../open-database.ts'

/** What a batch is known by before its rows may be seen. */
export type BatchKey =
  | Readonly<{ tasks: readonly string[] }>
  | Readonly<{ grants: readonly string[] }>
  /** The first so many tasks that a consumer of this name had leased before it died. */
  | Readonly<{ leasedBy: string; limit: number }>

/**
 * The tenants whose rows a batch is about: what a role that is held to the tenants of its batch
 * asks before anything else, where nobody has said whose they are. It learns ids, nothing more.
 */
export async function findBatchTenants(sql: Sql, of: BatchKey): Promise<string[]> {
  const rows = await sql.query<{ tenant_id: string }>(lookUp(of))
  return rows.map((row) => row.tenant_id)
}

function lookUp(of: BatchKey): { name: string; text: string; values: unknown[] } {
  const text = (call: string): string => `SELECT tenant_id FROM ${call} AS found(tenant_id)`
  if ('tasks' in of) {
    return { name: 'tenants-of-tasks', text: text('tenants_of_tasks($1)'), values: [of.tasks] }
  }
  if ('grants' in of) {
    return { name: 'tenants-of-grants', text: text('tenants_of_grants($1)'), values: [of.grants] }
  }
  const values = [of.leasedBy, of.limit]
  return { name: 'tenants-of-leases', text: text('tenants_of_leases($1, $2)'), values }
}
