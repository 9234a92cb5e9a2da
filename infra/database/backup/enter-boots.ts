import type { ToolStatus } from '@chimera/contracts/tool-control'

import type { Database } from '../open-database.ts'
import type { LedgerHead } from './ledger-word.ts'

/** Writes every boot that a ledger knows into the record, so that its next hello names them. */
export async function enterBoots(of: { database: Database; ledger: LedgerHead }): Promise<void> {
  const { account, server, ledgerId, seq, boots } = of.ledger
  await of.database.transaction(async (tx) => {
    // `up` writes where the server is; until then the row is all that the boots hang on.
    await tx.query({
      text: `INSERT INTO tool_accounts (account, server, url, backend, live, reason, version_id)
        VALUES ($1, $2, '', 'unknown', false, 'known from its ledger alone', new_version())
        ON CONFLICT DO NOTHING`,
      values: [account, server],
    })
    const status = (boot: string): ToolStatus => ({
      name: server,
      account,
      backend: 'unknown',
      live: false,
      grants: 'required',
      state: 'closed',
      reason: 'known from its ledger alone',
      ledger: { id: ledgerId, boot, seq, path: '' },
      fences: {},
      kill: {},
      definitions: {},
    })
    await tx.query({
      text: `INSERT INTO tool_boots (boot, account, ledger_id, seq, status, registered_at)
        SELECT boot, $1, $2, $3, status, started_at
        FROM unnest($4::uuid[], $5::jsonb[], $6::timestamptz[]) AS u(boot, status, started_at)
        ON CONFLICT (boot) DO NOTHING`,
      values: [
        account,
        ledgerId,
        seq,
        boots.map(({ boot }) => boot),
        boots.map(({ boot }) => JSON.stringify(status(boot))),
        boots.map(({ startedAt }) => startedAt),
      ],
    })
  })
}

/** What the record knows of an account's ledger: what a ledger has to continue. */
export async function readKnownLedgers(
  database: Database,
): Promise<Map<string, { boots: string[]; highestSeq: number }>> {
  const rows = await database.query<{ account: string; boots: string[]; highest_seq: string }>({
    text: `SELECT a.account,
        ARRAY(SELECT b.boot::text FROM tool_boots b WHERE b.account = a.account) AS boots,
        coalesce((SELECT max((e.receipt ->> 'seq')::bigint) FROM effects e
          WHERE e.account = a.account), 0) AS highest_seq
      FROM tool_accounts a`,
  })
  return new Map(
    rows.map((row) => [row.account, { boots: row.boots, highestSeq: Number(row.highest_seq) }]),
  )
}
