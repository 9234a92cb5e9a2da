import type { EffectView } from '@chimera/contracts/observable'

import type { Sql } from '../open-database.ts'
import { EFFECT_COLUMNS, effectViewOf, type EffectRow } from './effect-view.ts'

/**
 * One effect of a tenant: by the id of the row, by its grant, or by its effect key (then the newest
 * round); nothing when there is none.
 */
export async function findEffect(
  sql: Sql,
  of: { tenantId: string; reference: string },
): Promise<EffectView | undefined> {
  const [row] = await sql.query<EffectRow>({
    text: `SELECT ${EFFECT_COLUMNS} FROM effects
      WHERE tenant_id = $1 AND (id = $2::uuid OR grant_id = $2::uuid OR effect_key = $3)
      ORDER BY round DESC LIMIT 1`,
    values: [of.tenantId, UUID.test(of.reference) ? of.reference : null, of.reference],
  })
  return row === undefined ? undefined : effectViewOf(row)
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
