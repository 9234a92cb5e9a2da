import type { EffectState } from '@chimera/contracts/effect'
import type { EffectView } from '@chimera/contracts/observable'

import type { Sql } from '../open-database.ts'
import { EFFECT_COLUMNS, effectViewOf, type EffectRow } from './effect-view.ts'

/**
 * A tenant's effects, newest first, and the id after which the next page begins, if there is one.
 */
export async function listEffects(
  sql: Sql,
  of: {
    tenantId: string
    goalId?: string | undefined
    state?: EffectState | undefined
    after?: string | undefined
    limit: number
  },
): Promise<{ effects: EffectView[]; next: string | undefined }> {
  const rows = await sql.query<EffectRow>({
    text: `SELECT ${EFFECT_COLUMNS} FROM effects
      WHERE tenant_id = $1 AND ($2::text IS NULL OR goal_id = $2)
        AND ($3::text IS NULL OR state = $3) AND ($4::uuid IS NULL OR id < $4)
      ORDER BY id DESC LIMIT $5`,
    values: [of.tenantId, of.goalId ?? null, of.state ?? null, of.after ?? null, of.limit + 1],
  })
  const page = rows.slice(0, of.limit)
  return {
    effects: page.map(effectViewOf),
    next: rows.length > of.limit ? page.at(-1)?.id : undefined,
  }
}
