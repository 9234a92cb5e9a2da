import type { FenceReport } from '@chimera/contracts/tenancy/fence-report'

import type { Fence } from '../database/fences/fence.ts'
import type { Sql } from '../database/open-database.ts'
import { listAccounts } from '../database/tools/list-accounts.ts'
import { fenceServers } from './fence-servers.ts'
import type { ToolControl } from './tool-control.ts'

/**
 * Brings a fence that the record has raised to every tool server and answers when each that can be
 * reached holds it: from then on nothing that was granted before is claimed there. The Keeper
 * brings it to the others.
 */
export async function bringFence(of: {
  database: Sql
  openControl: (of: { url: string }) => Pick<ToolControl, 'fence'>
  fence: Pick<Fence, 'scope' | 'epoch' | 'stopped'>
  withinMs: number
}): Promise<FenceReport> {
  const { scope, epoch, stopped } = of.fence
  const accounts = await listAccounts(of.database)
  const answers = await fenceServers({
    openControl: of.openControl,
    servers: accounts.map(({ server, url }) => ({ name: server, url })),
    fence: { scope, epoch, stopped },
    withinMs: of.withinMs,
  })
  return {
    epoch,
    acknowledged_at: new Date().toISOString(),
    tools: answers.map((answer) => ({
      name: answer.name,
      result: answer.isFenced ? 'fenced' : 'unreachable',
      in_flight: answer.isFenced ? [...answer.inFlight] : [],
    })),
  }
}
