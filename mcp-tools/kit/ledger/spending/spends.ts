import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

import type { Spend } from '../../provider/exchange.ts'
import { WINDOWS_MS } from '../entry-statements.ts'
import {
  openSlidingSums,
  spentIn,
  type Spent,
  type SpentOf,
  type SpentRow,
} from './sliding-sums.ts'

const Row = z
  .object({
    grant_id: z.string(),
    left_by_ms: z.int().nullable(),
    asset: z.string(),
    recipient: z.string().nullable(),
    amount: z.string().transform(BigInt),
    usd_micros: z.string().transform(BigInt),
  })
  .transform((row) => ({
    grantId: row.grant_id,
    leftByMs: row.left_by_ms ?? 0,
    spend: spendIn(row),
  }))
const Own = z
  .object({
    asset: z.string(),
    recipient: z.string().nullable(),
    amount: z.string().transform(BigInt),
    usd_micros: z.string().transform(BigInt),
  })
  .transform((row) => spendIn(row))
const First = z.object({ first: z.int().nullable() })

const OWN = 's.asset, s.recipient, s.amount, s.usd_micros'
const select = (index: string, where: string): string => `
  SELECT e.grant_id, e.left_by_ms, ${OWN} FROM entries e ${index} CROSS JOIN spends s
  USING (grant_id) WHERE ${where} AND e.mode <> 'dry' ORDER BY e.left_by_ms, e.grant_id, s.n`

/** What the account has spent, and on whom; each row belongs to the entry of its grant. */
export type Spends = ReturnType<typeof openSpends>

/**
 * @param committed - number of the last commit that is durable: what it and those before it wrote
 *   is remembered from one question to the next, what the running one writes may be taken back
 */
export function openSpends(database: DatabaseSync, committed: () => number) {
  const clear = database.prepare('DELETE FROM spends WHERE grant_id = ?')
  const insert = database.prepare(`
    INSERT INTO spends (grant_id, n, asset, recipient, amount, usd_micros)
    VALUES (?, ?, ?, ?, ?, ?)`)
  const of = database.prepare(`SELECT ${OWN} FROM spends s WHERE s.grant_id = ? ORDER BY s.n`)
  const windows = openWindows(database, committed)
  const sent = (table: string): string => `
    SELECT e.left_by_ms FROM spends s CROSS JOIN ${table} e USING (grant_id)
    WHERE s.recipient = :recipient AND e.state = 'CONFIRMED' AND e.mode <> 'dry'`
  const first = database.prepare(
    `SELECT min(left_by_ms) AS first FROM (${sent('entries')} UNION ALL ${sent('archive')})`,
  )
  const add = (grantId: string, spends: readonly Spend[]): void => {
    for (const [n, { asset, amount, usdMicros, recipient }] of spends.entries()) {
      insert.run(grantId, n, asset, recipient ?? null, String(amount), String(usdMicros))
    }
  }
  return {
    add,
    /** In place of what the grant had so far. */
    replace(grantId: string, spends: readonly Spend[]): void {
      clear.run(grantId)
      add(grantId, spends)
    },
    of: (grantId: string): Spend[] => of.all(grantId).map((row) => Own.parse(row)),
    /** What was spent in the last `ms`, or may have been. */
    spentIn: windows,
    /** When the first effect for a recipient that has surely happened can have left. */
    firstSentTo: (recipient: string): number | undefined =>
      First.parse(first.get({ recipient })).first ?? undefined,
  }
}

/** The sums that caps are held to; a question costs the same however much has been spent. */
function openWindows(database: DatabaseSync, committed: () => number) {
  const all = database.prepare(select('', "e.state = 'CONFIRMED' AND e.left_by_ms > ?"))
  const settled = database.prepare(
    select(
      'INDEXED BY entries_by_seq',
      "e.seq > :after AND e.seq <= :upTo AND e.state = 'CONFIRMED' AND e.left_by_ms IS NOT NULL",
    ),
  )
  // What is open counts however old it is: it may still turn out to have happened now.
  const open = database.prepare(select('', "e.state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN')"))
  const sums = openSlidingSums()
  let seen: number | undefined
  let lastMs = 0
  const learn = (nowMs: number): void => {
    const upTo = committed()
    // A clock that nobody had agreed with was ahead; windows have forgotten by it.
    if (nowMs < lastMs) seen = undefined
    lastMs = nowMs
    if (seen !== undefined && upTo > seen) {
      const rows = effectsIn(settled.all({ after: seen, upTo }))
      // The clock was put right, and what left moved along: all of it is read again.
      if (rows.some(({ grantId }) => sums.knows(grantId))) seen = undefined
      else for (const row of rows) sums.add(row)
    }
    if (seen === undefined) {
      sums.clear()
      const rows = effectsIn(all.all(nowMs - WINDOWS_MS))
      // Those of the running commit are read with it.
      const running = new Set(effectsIn(settled.all(runningAfter(upTo))).map((row) => row.grantId))
      for (const row of rows) if (!running.has(row.grantId)) sums.add(row)
    }
    seen = upTo
  }
  return (asked: SpentOf & { ms: number; nowMs: number }): Spent => {
    const { ms, nowMs } = asked
    learn(nowMs)
    const running = effectsIn(settled.all(runningAfter(committed())))
    const also = [
      ...running.filter(({ leftByMs }) => leftByMs > nowMs - ms),
      ...effectsIn(open.all()),
    ]
    let { amount, usdMicros, count } = sums.sum(asked)
    for (const { spends } of also) {
      const own = spentIn(asked, spends)
      amount += own.amount
      usdMicros += own.usdMicros
      count += own.count
    }
    return { amount, usdMicros, count }
  }
}

const runningAfter = (seq: number) => ({ after: seq, upTo: Number.MAX_SAFE_INTEGER })

/** Rows of spends, an effect's together. */
function effectsIn(found: readonly unknown[]): SpentRow[] {
  const effects: { grantId: string; leftByMs: number; spends: Spend[] }[] = []
  for (const each of found) {
    const { grantId, leftByMs, spend } = Row.parse(each)
    const last = effects.at(-1)
    if (last?.grantId === grantId) last.spends.push(spend)
    else effects.push({ grantId, leftByMs, spends: [spend] })
  }
  return effects
}

function spendIn(row: {
  asset: string
  recipient: string | null
  amount: bigint
  usd_micros: bigint
}): Spend {
  const { asset, recipient, amount, usd_micros: usdMicros } = row
  return { asset, amount, usdMicros, ...(recipient === null ? {} : { recipient }) }
}
