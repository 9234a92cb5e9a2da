import { newId } from '@chimera/contracts/ids'

import type { Database } from '../open-database.ts'

/**
 * Tells the record where an account's tool server is and which tools of which agents act on it
 * (`agentId` `*`: every agent of the tenant). A known account keeps its boot, ledger and state;
 * bindings are added or pointed here, never taken away.
 */
export async function upsertAccount(
  database: Database,
  of: {
    account: string
    /** The tool server's name: `tweet`. */
    server: string
    url: string
    backend: string
    /** True when the back end is not a simulation. */
    live: boolean
    bindings: readonly { tenantId: string; agentId: string; tool: string }[]
  },
): Promise<void> {
  const { account, bindings } = of
  await database.transaction(async (tx) => {
    await tx.query({
      text: `INSERT INTO tool_accounts AS a (account, server, url, backend, live, version_id)
        VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (account) DO UPDATE SET server = excluded.server, url = excluded.url,
          backend = excluded.backend, live = excluded.live, version_id = excluded.version_id
        WHERE (a.server, a.url, a.backend, a.live)
          <> (excluded.server, excluded.url, excluded.backend, excluded.live)`,
      values: [account, of.server, of.url, of.backend, of.live, newId()],
    })
    await tx.query({
      text: `INSERT INTO tool_bindings AS b (tenant_id, agent_id, tool, account)
        SELECT tenant_id, agent_id, tool, $4
        FROM unnest($1::uuid[], $2::text[], $3::text[]) AS u(tenant_id, agent_id, tool)
        ON CONFLICT (tenant_id, agent_id, tool) DO UPDATE SET account = excluded.account
        WHERE b.account <> excluded.account`,
      values: [
        bindings.map((binding) => binding.tenantId),
        bindings.map((binding) => binding.agentId),
        bindings.map((binding) => binding.tool),
        account,
      ],
    })
  })
}
