import { TerminalError } from '@chimera/contracts/errors'
import type { StopReport } from '@chimera/contracts/observable'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import { raiseStop } from '@chimera/infra/database/fences/raise-stop'
import { resume } from '@chimera/infra/database/fences/resume'
import type { Database } from '@chimera/infra/database/open-database'
import { listAccounts, type ToolAccount } from '@chimera/infra/database/tools/list-accounts'
import { fenceServers, type FencedServer } from '@chimera/infra/tools/fence-servers'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import { accountOf, type StopBody } from './parse-scope.ts'

export type StopDeps = Readonly<{
  database: Database
  openControl: (of: { url: string }) => Pick<ToolControl, 'fence' | 'status'>
}>

type Asked = StopBody & Readonly<{ actor: string; tenantId: string }>
type Audit = ReturnType<AuditDraft['items']>

/** A server that takes longer is unreachable: the answer has to be there within 200 ms. */
const FENCED_WITHIN_MS = 150
/** A resume is in no hurry. */
const RESUMED_WITHIN_MS = 1_000

/**
 * Stops a scope: the row first, so that no new grant is made in it; then the fence at every tool
 * server concerned, durable there; then the answer. A server that was not reached keeps the request
 * on its way, and the Keeper brings it the fence as well.
 */
export async function stopScope(
  deps: StopDeps,
  of: Asked,
): Promise<{ report: StopReport; audit: Audit }> {
  // Side by side with nothing: an account unknown here has a server without a hello.
  const servers = await concerned(deps, of.scope)
  const { epoch, audit } = await raiseStop(deps.database, moveOf(of))
  const answers = await fenceServers({
    ...deps,
    servers,
    fence: { scope: of.scope, epoch, stopped: true },
    withinMs: FENCED_WITHIN_MS,
  })
  const tools = answers.map((answer) => ({
    name: answer.name,
    result: answer.isFenced ? ('fenced' as const) : ('unreachable' as const),
    in_flight: answer.isFenced ? [...answer.inFlight] : [],
  }))
  return { report: { epoch, acknowledged_at: new Date().toISOString(), tools }, audit }
}

/** What ends a stop says: as a stop, but nothing is in flight. */
export type ResumeReport = Readonly<{
  epoch: number
  acknowledged_at: string
  tools: readonly Readonly<{ name: string; result: 'resumed' | 'unreachable' }>[]
}>

/**
 * Ends a stop at an epoch above the record's and every server's. A server that was not reached is
 * told by the Keeper.
 */
export async function resumeScope(
  deps: StopDeps,
  of: Asked,
): Promise<{ report: ResumeReport; audit: Audit }> {
  const servers = await concerned(deps, of.scope)
  const above = await highestEpoch(deps, { servers, scope: of.scope })
  const { epoch, audit } = await resume(deps.database, { ...moveOf(of), above })
  const answers = await fenceServers({
    ...deps,
    servers,
    fence: { scope: of.scope, epoch, stopped: false },
    withinMs: RESUMED_WITHIN_MS,
  })
  const resultOf = ({ isFenced }: FencedServer) =>
    isFenced ? ('resumed' as const) : ('unreachable' as const)
  const tools = answers.map((answer) => ({ name: answer.name, result: resultOf(answer) }))
  return { report: { epoch, acknowledged_at: new Date().toISOString(), tools }, audit }
}

function moveOf({ scope, actor, reason, tenantId }: Asked): Parameters<typeof raiseStop>[1] {
  return { scope, actor, tenantId, ...(reason === undefined ? {} : { reason }) }
}

/** The servers that a scope concerns. Throws INPUT_INVALID for an account that nobody serves. */
async function concerned(
  { database }: StopDeps,
  scope: string,
): Promise<{ name: string; url: string }[]> {
  const accounts = await listAccounts(database)
  const account = accountOf(scope)
  const found = accounts.filter((one) => account === undefined || one.account === account)
  if (account !== undefined && found.length === 0) throw noAccount(account, accounts)
  return found.map(({ server, url }) => ({ name: server, url }))
}

function noAccount(account: string, known: readonly ToolAccount[]): TerminalError {
  const names = known.map((one) => one.account).join(', ') || 'none'
  return new TerminalError(
    'INPUT_INVALID',
    `No tool server acts for ${account}; known: ${names}.`,
    {
      faults: [{ pointer: '/scope', detail: 'names no account of a tool server' }],
    },
  )
}

/** The highest epoch that a server within reach has for the scope. */
async function highestEpoch(
  { openControl }: StopDeps,
  of: { servers: readonly { url: string }[]; scope: string },
): Promise<number> {
  const statuses = of.servers.map(async ({ url }) => {
    const { fences } = await openControl({ url }).status()
    return fences[of.scope] ?? 0
  })
  const seen = await Promise.allSettled(statuses)
  return Math.max(0, ...seen.map((one) => (one.status === 'fulfilled' ? one.value : 0)))
}
