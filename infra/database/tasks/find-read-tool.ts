import type { Sql } from '../open-database.ts'

/** Where a tool is served for an agent. */
export type ReadToolAddress = Readonly<{
  account: string
  url: string
  /** Tool name -> hash of its definition, as the record pinned it. */
  definitions: unknown
}>

/** The account that serves a tool for an agent of a tenant; the agent's own binding before `*`. */
export async function findReadTool(
  sql: Sql,
  of: { tenantId: string; agentId: string; tool: string },
): Promise<ReadToolAddress | undefined> {
  const [row] = await sql.query<{ account: string; url: string; definitions: unknown }>({
    name: 'find-read-tool',
    text: `SELECT a.account, a.url, a.definitions
      FROM tool_bindings b JOIN tool_accounts a USING (account)
      WHERE b.tenant_id = $1 AND b.agent_id IN ($2, '*') AND b.tool = $3
      ORDER BY b.agent_id = '*' LIMIT 1`,
    values: [of.tenantId, of.agentId, of.tool],
  })
  return row
}
