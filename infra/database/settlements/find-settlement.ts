import type { Sql } from '../open-database.ts'
import {
  settlementOf,
  SETTLEMENT_COLUMNS,
  type SettlementRow,
  type SettlementView,
} from './settlement.ts'

/** The last that a person said of an effect; nothing when nobody said anything. */
export async function findSettlement(
  sql: Sql,
  effectId: string,
): Promise<SettlementView | undefined> {
  const [row] = await sql.query<SettlementRow>({
    text: `SELECT ${SETTLEMENT_COLUMNS} FROM effect_settlements
      WHERE effect_id = $1 ORDER BY requested_at DESC, id DESC LIMIT 1`,
    values: [effectId],
  })
  return row === undefined ? undefined : settlementOf(row)
}
