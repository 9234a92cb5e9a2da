import type { DatabaseSync } from 'node:sqlite'

import { z } from 'zod'

import type { Spend } from '../provider/exchange.ts'

const Row = z
  .object({
    grant_id: z.string(),
    asset: z.string(),
    recipient: z.string().nullable(),
    amount: z.string().transform(BigInt),
    usd_micros: z.string().transform(BigInt),
  })
  .transform(({ grant_id: grantId, asset, recipient, amount, usd_micros: usdMicros }) => ({
    grantId,
    spend: { asset, amount, usdMicros, ...(recipient === null ? {} : { recipient }) },
  }))
const First = z.object({ first: z.int().nullable() })

const COLUMNS = 's.grant_id, s.asset, s.recipient, s.amount, s.usd_micros'
const ASKED = `e.mode <> 'dry' AND (:asset IS NULL OR s.asset = :asset)
  AND (:recipient IS NULL OR s.recipient = :recipient)`

type Spent = Readonly<{ grantId: string; spend: Spend }>

/** What the account has spent, and on whom; each row belongs to the entry of its grant. */
export type Spends = ReturnType<typeof openSpends>

export function openSpends(database: DatabaseSync) {
  const clear = database.prepare('DELETE FROM spends WHERE grant_id = ?')
  const insert = database.prepare(`
    INSERT INTO spends (grant_id, n, asset, recipient, amount, usd_micros)
    VALUES (?, ?, ?, ?, ?, ?)`)
  const of = database.prepare(`SELECT ${COLUMNS} FROM spends s WHERE s.grant_id = ? ORDER BY s.n`)
  // What is open counts however old it is: it may still turn out to have happened now.
  const since = database.prepare(`
    SELECT ${COLUMNS} FROM entries e CROSS JOIN spends s USING (grant_id)
      WHERE e.state = 'CONFIRMED' AND e.left_by_ms > :since AND ${ASKED}
    UNION ALL
    SELECT ${COLUMNS} FROM entries e CROSS JOIN spends s USING (grant_id)
      WHERE e.state IN ('CLAIMED', 'UNKNOWN', 'NEEDS_HUMAN') AND ${ASKED}`)
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
    of: (grantId: string): Spend[] => of.all(grantId).map((row) => Row.parse(row).spend),
    /** Everything that was spent after `sinceMs`, or may have been. */
    since: (given: { sinceMs: number; asset?: string; recipient?: string }): Spent[] => {
      const { sinceMs, asset = null, recipient = null } = given
      return since.all({ since: sinceMs, asset, recipient }).map((row) => Row.parse(row))
    },
    /** When the first effect for a recipient that has surely happened can have left. */
    firstSentTo: (recipient: string): number | undefined =>
      First.parse(first.get({ recipient })).first ?? undefined,
  }
}
