import type { Sql } from '../open-database.ts'
import { IS_NOT_HELD } from '../tenancy/paused.ts'

/** Why a task that was rung for was not claimed. */
export type Unclaimed = Readonly<{
  tenantId: string
  /** It is due and lost more leases than tasks usually do: it may be what kills its workers. */
  isSuspect: boolean
  /** It could be claimed now, but for a cap or full hands. */
  isLate: boolean
  /** What its goal says of its urgency and importance; parsed by whoever orders by it. */
  grades: unknown
}>

type Row = {
  id: string
  tenant_id: string
  is_suspect: boolean
  is_late: boolean
  grades: unknown
}

/** Looks at tasks that a claim left out; an id that is not in the answer has no row. */
export async function lookAtUnclaimed(
  sql: Sql,
  of: { ids: readonly string[]; mostLeasesLost: number },
): Promise<Map<string, Unclaimed>> {
  const rows = await sql.query<Row>({
    name: 'look-at-unclaimed',
    text: `SELECT t.id, t.tenant_id, d.is_due AND t.leases_lost > $2 AS is_suspect,
        d.is_due AND t.leases_lost <= $2 AND t.turn IS NULL
          AND g.status IN ('PLANNED', 'ACTIVE') AND ${IS_NOT_HELD} AS is_late,
        CASE WHEN d.is_due THEN jsonb_build_object('urgency', g.content -> 'urgency',
          'importance', g.content -> 'importance', 'priority', g.content -> 'priority') END
          AS grades
      FROM tasks t JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id,
        LATERAL (SELECT t.phase = 'ready' AND (t.run_at IS NULL OR t.run_at <= now()
          OR t.turn IS NOT NULL) AS is_due) AS d
      WHERE t.id = ANY ($1::uuid[])`,
    values: [of.ids, of.mostLeasesLost],
  })
  return new Map(
    rows.map((row) => [
      row.id,
      {
        tenantId: row.tenant_id,
        isSuspect: row.is_suspect,
        isLate: row.is_late,
        grades: row.grades,
      },
    ]),
  )
}
