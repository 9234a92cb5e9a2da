import { TOOLS } from '@chimera/contracts/tools'
import { openLog } from '@chimera/runtime/log'

import { openDatabase } from '../database/open-database.ts'
import { upsertAccount } from '../database/tools/upsert-account.ts'
import { keepOperatorToken } from './operator-token.ts'
import type { StackLog } from './stack-log.ts'
import type { PlannedTool } from './tool-plan.ts'

/** Every agent of the tenant: one machine has one operator. */
const EVERY_AGENT = '*'

/** Writes into the record what this stack is: its tool servers, and the operator's token. */
export async function enterInRecord(options: {
  databaseUrl: string
  tenantId: string
  operatorToken: string
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
  await keepOperatorToken(database, { tenantId, token: options.operatorToken })
}
