import { TOOLS } from '@chimera/contracts/tools'
import { findStack } from '@chimera/infra/stack/control-client'
import { readStackRecord } from '@chimera/infra/stack/stack-record'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import type { ServerToAsk } from '@chimera/infra/tools/ask-servers'

import { notRunning } from './local-stack.ts'

/**
 * The tool servers of a state directory, or that of one account: as the supervisor lists them; as
 * they were started last when even that does not answer. Throws UNAVAILABLE when no stack runs
 * here.
 */
export async function findToolServers(stateDir: string, account?: string): Promise<ServerToAsk[]> {
  const { report, isSilent } = await askSupervisor(stateDir)
  if (isSilent) return startedServers(stateDir)
  // What holds those ports now may be anybody's, and is not to be shown the token.
  if (report === undefined) throw notRunning()
  return report.tools.filter((tool) => account === undefined || tool.account === account)
}

async function askSupervisor(
  stateDir: string,
): Promise<{ report?: StackReport | undefined; isSilent: boolean }> {
  try {
    const stack = await findStack(stateDir)
    return { report: await stack?.report(), isSilent: false }
  } catch {
    return { isSilent: true }
  }
}

function startedServers(stateDir: string): ServerToAsk[] {
  const { ports } = readStackRecord(stateDir)
  const names = new Set(Object.values(TOOLS).map(({ server }) => server))
  return [...names].flatMap((name) => {
    const port = ports[name]
    return port === undefined ? [] : [{ name, url: `http://127.0.0.1:${port}` }]
  })
}
