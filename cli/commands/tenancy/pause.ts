import { PauseReport, ResumedReport } from '@chimera/contracts/tenancy/pauses'

import type { CliContext } from '../../context.ts'
import { failWhenUnreached, renderFence } from '../../fence-report.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { renderTable } from '../../terminal-table.ts'
import { plain, printableJson } from '../../terminal-text.ts'

export type Kind = 'goal' | 'agent' | 'campaign' | 'tenant' | 'user'
export type PauseOptions = Readonly<{ reason?: string; json?: boolean }>

const pathOf = (kind: Kind, id: string, verb: string): string =>
  `/v1/${kind}s/${encodeURIComponent(id)}/${verb}`

const bodyOf = ({ reason }: PauseOptions): object => (reason === undefined ? {} : { reason })

/**
 * Pauses: nothing more is claimed, granted or done for it. Exit 1 when a tool server was not
 * reached: what it holds may still go out until the Keeper has brought it the fence.
 */
export async function pause(
  of: { kind: Kind; id: string },
  options: PauseOptions,
  context: CliContext,
): Promise<void> {
  if (of.kind === 'user') return move({ ...of, verb: 'pause' }, options, context)
  const client = await openGatewayClient(context)
  const answer = await client.post(pathOf(of.kind, of.id, 'pause'), bodyOf(options))
  const report = PauseReport.parse(answer)
  if (options.json === true) context.out(printableJson(report))
  else {
    const { epoch, acknowledged_at: at, tools } = report
    context.out(`Paused ${of.kind} ${plain(of.id)} at epoch ${epoch}, ${at}.`)
    const rows = tools.map(({ name, result, in_flight: open }) => [
      name,
      result,
      open.join(', ') || '-',
    ])
    for (const line of renderTable(['tool', 'result', 'in flight'], rows)) context.out(line)
  }
  failWhenUnreached(report.tools)
}

/** Lets it go on, or ends a campaign for good. */
export async function move(
  of: { kind: Kind; id: string; verb: 'resume' | 'complete' | 'pause' },
  options: PauseOptions,
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const answer = await client.post(pathOf(of.kind, of.id, of.verb), bodyOf(options))
  const report = ResumedReport.parse(answer)
  if (options.json === true) context.out(printableJson(report))
  else {
    context.out(`${plain(of.id)} ${report.status}`)
    for (const line of report.fence === undefined ? [] : renderFence(report.fence))
      context.out(line)
  }
  failWhenUnreached(report.fence?.tools ?? [])
}
