import { ConflictError } from '@chimera/contracts/errors'
import { killLevelOf, loweredTo } from '@chimera/contracts/judging/kill'

import type { Database } from '../open-database.ts'
import { lockKill, writeKill, type KillWord, type MovedKill } from './kill-row.ts'

/**
 * Lowers the kill level of a scope, on the operator's word: only for a caller that was shown the
 * operator's token. `above` is the highest epoch that a server was seen with: one that was lowered
 * while the record was away may be ahead of it. Throws CONFLICT when the level is not above the
 * one that is asked for.
 */
export async function lowerKill(
  database: Database,
  of: KillWord & { scope: string; level: number; above: number },
): Promise<MovedKill> {
  return database.transaction(async (tx) => {
    const has = await lockKill(tx, of.scope)
    const before = killLevelOf(has)
    if (of.level >= before) {
      const message = `The kill level of ${of.scope} is ${before}; ${of.level} would not lower it.`
      throw new ConflictError('VERSION_CONFLICT', message)
    }
    await tx.query({
      text: `SELECT set_config('chimera.lowering_kill', $1, true)`,
      values: [of.scope],
    })
    return writeKill(tx, { ...of, before, epoch: loweredTo(Math.max(has, of.above), of.level) })
  })
}
