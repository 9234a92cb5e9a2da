import type { FenceReport } from '@chimera/contracts/tenancy/fence-report'

import { CliExit, EXIT } from './exit-codes.ts'
import { renderTable } from './terminal-table.ts'

/** What a person reads of a fence that came with a change. */
export function renderFence({ epoch, acknowledged_at: at, tools }: FenceReport): string[] {
  const rows = tools.map(({ name, result, in_flight: open }) => [
    name,
    result,
    open.join(', ') || '-',
  ])
  return [
    `What rested on it is judged again: fence of the tenant at epoch ${epoch}, ${at}.`,
    ...renderTable(['tool', 'result', 'in flight'], rows),
  ]
}

/** Throws (exit 1) when a server was not told: what it holds may still go out. */
export function failWhenUnreached(tools: readonly { name: string; result: string }[]): void {
  const unreached = tools.filter(({ result }) => result === 'unreachable')
  if (unreached.length === 0) return
  throw new CliExit(EXIT.failed, `Not reached: ${unreached.map(({ name }) => name).join(', ')}.`)
}
