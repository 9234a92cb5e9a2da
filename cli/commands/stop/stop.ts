import { ChimeraError, ERROR_CODES } from '@chimera/contracts/errors'
import { StopReport } from '@chimera/contracts/observable'
import { z } from 'zod'

import type { CliContext } from '../../context.ts'
import { failWhenUnreached } from '../../fence-report.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'
import { scopeOf, type StopScope } from './scope.ts'
import { stopServers } from './stop-servers.ts'

export type StopOptions = Readonly<{ json?: boolean; reason?: string }> & StopScope

/**
 * A gateway that takes longer is taken for dead, and the tool servers are stopped without it: they
 * are what a stop is about.
 */
const GATEWAY_WITHIN_MS = 2_000

/**
 * Lets nothing more out in a scope: through the gateway, which writes the row and fences the tool
 * servers; straight at the tool servers when the gateway, or the record behind it, is gone. Exit 1
 * when a server was not reached: what it holds may still go out.
 */
export async function stop(options: StopOptions, context: CliContext): Promise<void> {
  const scope = scopeOf(options)
  const report = await askGateway({ ...options, scope }, context)
  const { errors, ...told } = report ?? (await stopServers(scope, context))
  if (options.json === true) context.out(printableJson(told))
  else for (const line of renderStop(told, scope)) context.out(line)
  for (const error of errors) context.err(plain(error))
  failWhenUnreached(told.tools)
}

/** The gateway's report; nothing when it cannot be had, and then the reason is told. */
async function askGateway(
  of: { scope: string; reason?: string },
  context: CliContext,
): Promise<(StopReport & { errors: string[] }) | undefined> {
  try {
    const client = await openGatewayClient(context, { withinMs: GATEWAY_WITHIN_MS })
    const report = StopReport.parse(await client.post('/v1/stop', bodyOf(of)))
    return { ...report, errors: [] }
  } catch (error) {
    if (!isAway(error)) throw error
    context.err(`${error.message}\nStopping the tool servers without it.`)
    return undefined
  }
}

/** What the gateway, or a server that it needs, could not do; not what it did not allow. */
function isAway(error: unknown): error is ChimeraError {
  if (!(error instanceof ChimeraError)) return false
  return ERROR_CODES[error.code].kind === 'retryable' || error.code === 'INVARIANT'
}

const ResumeReport = z.object({
  epoch: z.int(),
  acknowledged_at: z.string(),
  tools: z.array(z.object({ name: z.string(), result: z.enum(['resumed', 'unreachable']) })),
})

/** Ends the stop at a higher epoch: what was granted before it is voided and judged again. */
export async function resume(options: StopOptions, context: CliContext): Promise<void> {
  const scope = scopeOf(options)
  const client = await openGatewayClient(context)
  const body = bodyOf({ ...options, scope })
  const report = ResumeReport.parse(await client.post('/v1/resume', body))
  if (options.json === true) context.out(printableJson(report))
  else {
    context.out(`Resumed ${scope} at epoch ${report.epoch}.`)
    const rows = report.tools.map(({ name, result }) => [name, result])
    for (const line of renderTable(['tool', 'result'], rows)) context.out(line)
  }
  failWhenUnreached(report.tools)
}

const bodyOf = ({ scope, reason }: { scope: string; reason?: string }): object =>
  reason === undefined ? { scope } : { scope, reason }

function renderStop(report: StopReport, scope: string): string[] {
  const { epoch, acknowledged_at: at, tools } = report
  return [
    `Stopped ${scope} at epoch ${epoch}, ${at}. \`chimera resume\` ends it.`,
    ...renderTable(
      ['tool', 'result', 'in flight'],
      tools.map(({ name, result, in_flight: open }) => [name, result, open.join(', ') || '-']),
    ),
  ]
}
