import type { ToolState } from '@chimera/contracts/tool-control'

import type { Sql } from '../open-database.ts'

/** An outside account as the record knows it. */
export type ToolAccount = {
  account: string
  server: string
  url: string
  backend: string
  live: boolean
  /** The boot whose hello was accepted last. */
  boot: string | null
  ledgerId: string | null
  state: ToolState
  reason: string | null
  seenAt: Date | null
}

/** All outside accounts, by name. */
export function listAccounts(sql: Sql): Promise<ToolAccount[]> {
  return sql.query<ToolAccount>({
    text: `SELECT account, server, url, backend, live, boot, ledger_id AS "ledgerId", state, reason,
        seen_at AS "seenAt"
      FROM tool_accounts ORDER BY account`,
  })
}
