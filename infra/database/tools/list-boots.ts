import type { Sql } from '../open-database.ts'

/** One start of a tool server that the record has seen. */
export type ToolBoot = {
  readonly boot: string
  readonly ledgerId: string
  /** The ledger's seq when the boot was seen. */
  readonly seq: number
  readonly hasHello: boolean
  readonly registeredAt: Date
  readonly openedAt: Date | null
}

/** The boots of one account, newest first. */
export async function listBoots(
  sql: Sql,
  of: { account: string; limit?: number },
): Promise<ToolBoot[]> {
  const rows = await sql.query<{
    boot: string
    ledger_id: string
    seq: string
    has_hello: boolean
    registered_at: Date
    opened_at: Date | null
  }>({
    text: `SELECT boot, ledger_id, seq, hello IS NOT NULL AS has_hello, registered_at, opened_at
      FROM tool_boots WHERE account = $1 ORDER BY registered_at DESC, boot DESC LIMIT $2`,
    values: [of.account, of.limit ?? 100],
  })
  return rows.map((row) => ({
    boot: row.boot,
    ledgerId: row.ledger_id,
    seq: Number(row.seq),
    hasHello: row.has_hello,
    registeredAt: row.registered_at,
    openedAt: row.opened_at,
  }))
}
