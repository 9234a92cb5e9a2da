import type { Sql } from '../database/open-database.ts'

/** How many tasks are in each phase and how many effects in each state. */
export type RecordCounts = Readonly<{
  tasks: Readonly<Record<string, number>>
  effects: Readonly<Record<string, number>>
}>

/** Counts what the record holds; a full scan, for a person or a script now and then. */
export async function countRecord(sql: Sql): Promise<RecordCounts> {
  const rows = await sql.query<{ what: 'tasks' | 'effects'; name: string; n: string }>({
    text: `SELECT 'tasks' AS what, phase AS name, count(*) AS n FROM tasks GROUP BY phase
      UNION ALL
      SELECT 'effects', state, count(*) FROM effects GROUP BY state ORDER BY 1, 2`,
  })
  const of = (what: 'tasks' | 'effects'): Record<string, number> =>
    Object.fromEntries(
      rows.filter((row) => row.what === what).map((row) => [row.name, Number(row.n)]),
    )
  return { tasks: of('tasks'), effects: of('effects') }
}
