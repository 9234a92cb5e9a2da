import type { Sql } from '../open-database.ts'

/** The tenant of this id, if the record has it. */
export async function findTenant(
  sql: Sql,
  tenantId: string,
): Promise<{ id: string; name: string } | undefined> {
  const [tenant] = await sql.query<{ id: string; name: string }>({
    text: 'SELECT id, name FROM tenants WHERE id = $1',
    values: [tenantId],
  })
  return tenant
}
