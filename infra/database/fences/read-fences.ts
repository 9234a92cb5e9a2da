import type { Sql } from '../open-database.ts'
import { FENCE_COLUMNS, fenceOf, type Fence, type FenceRow } from './fence.ts'

/** All fences, by scope. */
export async function readFences(sql: Sql): Promise<Fence[]> {
  const rows = await sql.query<FenceRow>({
    text: `SELECT ${FENCE_COLUMNS} FROM fences ORDER BY scope`,
  })
  return rows.map(fenceOf)
}
