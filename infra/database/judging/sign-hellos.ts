import type { Sql } from '../open-database.ts'

/** A boot of a tool server that waits for its hello, with what the record knows of the account. */
export type LoadedBoot = {
  boot: string
  account: string
  ledgerId: string
  /** Boots of this account that the record knows, oldest first, this one included. */
  knownBoots: string[]
  /** The highest ledger sequence in any receipt of this account. */
  highestSeq: number
}

/** Reads boots without a hello. */
export async function loadBoots(sql: Sql, boots: readonly string[]): Promise<LoadedBoot[]> {
  const rows = await sql.query<{
    boot: string
    account: string
    ledger_id: string
    known_boots: string[]
    highest_seq: string
  }>({
    name: 'load-boots',
    text: `SELECT b.boot, b.account, b.ledger_id,
        ARRAY(SELECT k.boot::text FROM tool_boots k WHERE k.account = b.account
          ORDER BY k.registered_at, k.boot) AS known_boots,
        highest_seq(b.account) AS highest_seq
      FROM tool_boots b WHERE b.boot = ANY($1::uuid[]) AND b.hello IS NULL`,
    values: [boots],
  })
  return rows.map((row) => ({
    boot: row.boot,
    account: row.account,
    ledgerId: row.ledger_id,
    knownBoots: row.known_boots,
    highestSeq: Number(row.highest_seq),
  }))
}

/** Writes signed hellos; a boot gets one hello for ever. */
export async function writeHellos(
  sql: Sql,
  hellos: readonly { boot: string; jws: string }[],
): Promise<void> {
  if (hellos.length === 0) return
  await sql.query({
    name: 'write-hellos',
    text: `UPDATE tool_boots b SET hello = u.jws
      FROM unnest($1::uuid[], $2::text[]) AS u(boot, jws)
      WHERE b.boot = u.boot AND b.hello IS NULL`,
    values: [hellos.map(({ boot }) => boot), hellos.map(({ jws }) => jws)],
  })
}
