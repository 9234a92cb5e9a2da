import type { Sql } from '../open-database.ts'
import { KILL_COLUMNS, killOf, type KillRow, type RawKill } from './kill-row.ts'

/**
 * Every kill level, by scope. `lock` holds them for a grant: none rises until the transaction is
 * over. Throws when the record has none of everything: what is not known is no permission.
 */
export async function readKill(sql: Sql, lock = false): Promise<Map<string, KillRow>> {
  const rows = await sql.query<RawKill>({
    name: lock ? 'kill-levels-locked' : 'kill-levels',
    text: `SELECT ${KILL_COLUMNS} FROM kill_levels ORDER BY scope${lock ? ' FOR SHARE' : ''}`,
  })
  const levels = new Map(rows.map((row) => [row.scope, killOf(row)]))
  if (!levels.has('everything')) throw new Error('The record has no kill level of everything.')
  return levels
}

/** The strictest level that covers a tenant. */
export function levelFor(
  levels: ReadonlyMap<string, KillRow>,
  tenantId: string,
): number | undefined {
  const everything = levels.get('everything')?.level
  if (everything === undefined) return undefined
  return Math.max(everything, levels.get(`tenant:${tenantId}`)?.level ?? 0)
}
