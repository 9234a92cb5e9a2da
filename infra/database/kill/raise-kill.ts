import { killLevelOf, raisedTo } from '@chimera/contracts/judging/kill'

import type { Database, Sql } from '../open-database.ts'
import { KILL_COLUMNS, killOf, lockKill, writeKill } from './kill-row.ts'
import type { KillWord, MovedKill, RawKill } from './kill-row.ts'

/**
 * Raises the kill level of a scope to at least `level`; one that is as high already stays as it
 * is. Once this has returned, nothing is granted that the level forbids; what was granted before
 * is refused by the ledgers, which are to be told next.
 */
export async function raiseKill(
  database: Database,
  of: KillWord & { scope: string; level: number },
): Promise<MovedKill> {
  return database.transaction((tx) => raiseKillWithin(tx, of))
}

/** The same in the transaction of what asks for it: that is not in the record without the level. */
export async function raiseKillWithin(
  tx: Sql,
  of: KillWord & { scope: string; level: number },
): Promise<MovedKill> {
  const has = await lockKill(tx, of.scope)
  return moveTo(tx, { ...of, has, epoch: raisedTo(has, of.level) })
}

/**
 * Takes what a ledger holds and the record does not: a level that was raised straight at the
 * server. A lower level is never taken from a server, whatever its epoch. Nothing when the record
 * is as high already.
 */
export async function takeKill(
  database: Database,
  of: KillWord & { scope: string; epoch: number },
): Promise<MovedKill | undefined> {
  return database.transaction(async (tx) => {
    const has = await lockKill(tx, of.scope)
    const isNews = killLevelOf(of.epoch) > killLevelOf(has) || isSameButNewer(of.epoch, has)
    if (!isNews) return undefined
    // Above both: of two that were raised apart, each side has to find the other's level in it.
    const epoch = raisedTo(Math.max(has, of.epoch), killLevelOf(of.epoch))
    return moveTo(tx, { ...of, has, epoch })
  })
}

const isSameButNewer = (epoch: number, has: number): boolean =>
  epoch > has && killLevelOf(epoch) === killLevelOf(has)

async function moveTo(
  tx: Sql,
  of: KillWord & { scope: string; has: number; epoch: number },
): Promise<MovedKill> {
  const before = killLevelOf(of.has)
  if (of.epoch > of.has) return writeKill(tx, { ...of, before })
  const [row] = await tx.query<RawKill>({
    text: `SELECT ${KILL_COLUMNS} FROM kill_levels WHERE scope = $1`,
    values: [of.scope],
  })
  if (row === undefined) throw new Error(`There is no kill level of ${of.scope}.`)
  return { ...killOf(row), before, audit: [] }
}
