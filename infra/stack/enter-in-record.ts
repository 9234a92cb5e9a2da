import { TOOLS } from '@chimera/contracts/tools'
import { openLog } from '@chimera/runtime/log'

import { openDatabase } from '../database/open-database.ts'
import { upsertAccount } from '../database/tools/upsert-account.ts'
import type { PlannedTool } from './plans/tool-plan.ts'
import type { StackLog } from './stack-log.ts'
import { keepStackToken } from './stack-token.ts'

/** Every agent of the tenant: one machine has one operator. */
const EVERY_AGENT = '*'

/** Writes into the record what this stack is: its tool servers, and its own tokens. */
export async function enterInRecord(options: {
  databaseUrl: string
  tenantId: string
  operatorToken: string
  /** Undefined where the stack starts no tools of the swarm. */
  swarmToken: string | undefined
  tools: readonly PlannedTool[]
  log: StackLog
}): Promise<void> {
  const { tenantId } = options
  const log = openLog({
    name: 'supervisor',
    level: 'error',
    destination: { write: (line) => options.log(line.trim()) },
  })
  await using database = openDatabase({ url: options.databaseUrl, name: 'supervisor', log, max: 1 })
  for (const { name, account, url, backend, live } of options.tools) {
    const bindings = Object.entries(TOOLS)
      .filter(([, tool]) => tool.server === name)
      .map(([tool]) => ({ tenantId, agentId: EVERY_AGENT, tool }))
    await upsertAccount(database, { account, server: name, url, backend, live, bindings })
  }
  await keepStackToken(database, { tenantId, name: 'operator', token: options.operatorToken })
  if (options.swarmToken !== undefined) {
    await keepStackToken(database, { tenantId, name: 'swarm', token: options.swarmToken })
  }
}
