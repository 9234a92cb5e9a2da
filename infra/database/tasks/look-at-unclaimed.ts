import type { Sql } from '../open-database.ts'

/** Why a task that was rung for was not claimed. */
export type Unclaimed = Readonly<{
  tenantId: string
  /** It is due and lost more leases than tasks usually do: it may be what kills its workers. */
  isSuspect: boolean
}>

/** Looks at tasks that a claim left out; an id that is not in the answer has no row. */
export async function lookAtUnclaimed(
  sql: Sql,
  of: { ids: readonly string[]; mostLeasesLost: number },
): Promise<Map<string, Unclaimed>> {
  const rows = await sql.query<{ id: string; tenant_id: string; is_suspect: boolean }>({
    name: 'look-at-unclaimed',
    text: `SELECT id, tenant_id, phase = 'ready' AND leases_lost > $2
        AND (run_at IS NULL OR run_at <= now()) AS is_suspect
      FROM tasks WHERE id = ANY ($1::uuid[])`,
    values: [of.ids, of.mostLeasesLost],
  })
  return new Map(
    rows.map((row) => [row.id, { tenantId: row.tenant_id, isSuspect: row.is_suspect }]),
  )
}
