import type { Sql } from '../open-database.ts'

/** What a batch is known by before its rows may be seen. */
export type BatchKey =
  | Readonly<{ of: keyof typeof FUNCTIONS; ids: readonly string[] }>
  /** The first so many tasks that a consumer of this name had leased before it died. */
  | Readonly<{ of: 'leases'; leasedBy: string; limit: number }>

/** Ids of rows, and the keys of effects; each is a list of its own. */
const FUNCTIONS = {
  tasks: 'tenants_of_tasks',
  grants: 'tenants_of_grants',
  effects: 'tenants_of_effects',
  'effect-keys': 'tenants_of_keys',
  receipts: 'tenants_of_receipts',
  settlements: 'tenants_of_settlements',
} as const

/**
 * The tenants whose rows a batch is about: what a role that is held to the tenants of its batch
 * asks before anything else, where nobody has said whose they are. It learns ids, nothing more.
 */
export async function findBatchTenants(sql: Sql, key: BatchKey): Promise<string[]> {
  if (key.of !== 'leases' && key.ids.length === 0) return []
  const rows = await sql.query<{ tenant_id: string }>(
    key.of === 'leases'
      ? {
          name: 'tenants-of-leases',
          text: 'SELECT tenant_id FROM tenants_of_leases($1, $2) AS found(tenant_id)',
          values: [key.leasedBy, key.limit],
        }
      : {
          name: `tenants-of-${key.of}`,
          text: `SELECT tenant_id FROM ${FUNCTIONS[key.of]}($1) AS found(tenant_id)`,
          values: [key.ids],
        },
  )
  return rows.map((row) => row.tenant_id)
}
