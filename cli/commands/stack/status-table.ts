import type { StatusReport } from '@chimera/contracts/observable'

import { plain } from '../../terminal-text.ts'

/** The report for a person: what is up, then what is waiting. */
export function renderStatus(report: StatusReport): string {
  const { urls } = report
  const lines = [
    `chimera ${report.version} is ${report.state}`,
    `  gateway   ${urls.gateway ?? '-'}`,
    `  redis     ${urls.redis ?? '-'}`,
    `  postgres  ${withoutPassword(urls.postgres) ?? '-'}`,
    ...(urls.weaviate === undefined ? [] : [`  weaviate  ${urls.weaviate}`]),
    ...(urls.swarm === undefined ? [] : [`  swarm     ${urls.swarm}/mcp`]),
    `  token     ${report.token_file}`,
    `  state     ${report.state_dir}`,
  ]
  if (report.state === 'down') return [...lines, 'Start it with ./chimera up'].join('\n')
  lines.push(`  memory    ${memoryLine(report.memory)}`)
  const stopped = report.fence.filter((fence) => fence.stopped)
  if (stopped.length > 0)
    lines.push(`  STOPPED   ${stopped.map(({ scope, epoch }) => `${scope} (${epoch})`).join(', ')}`)
  for (const { scope, level, name, reason, auto } of report.kill) {
    const by = auto ? 'by rule' : 'by hand'
    lines.push(`  KILL      ${scope} at ${level} ${name}, ${by}: ${plain(reason)}`)
  }
  const paused = report.paused.map(({ kind, id }) => `${kind} ${plain(id)}`)
  if (paused.length > 0) lines.push(`  PAUSED    ${paused.join(', ')}`)
  lines.push(
    ...table(
      ['role', 'pid', 'state', 'restarts', 'memory'],
      report.roles.map((role) => [
        role.name,
        role.pid ?? '-',
        role.state,
        role.restarts,
        role.rss_bytes === null ? '-' : `${Math.round(role.rss_bytes / 1024 / 1024)} MB`,
      ]),
    ),
    ...table(
      ['tool', 'account', 'pid', 'back end', 'state', 'why', 'ledger seq'],
      report.tools.map((tool) => [
        tool.name,
        tool.account,
        tool.pid ?? '-',
        tool.backend,
        tool.state,
        tool.reason ?? '',
        tool.ledger.seq,
      ]),
    ),
    ...table(
      ['stream', 'group', 'lag', 'pending'],
      // A lag that Redis does not know is not 0.
      report.streams.map(({ name, group, lag, pending }) => [name, group, lag ?? '?', pending]),
    ),
    ...table(
      ['agent', 'tasks that wait', 'in flight', 'why'],
      report.turns.map((of) => [plain(of.agent_id), of.waiting, of.in_flight, plain(of.reason)]),
    ),
    `tasks    ${counts(report.tasks)}`,
    `effects  ${counts(report.effects)}`,
    `dead     ${report.dead}`,
  )
  return lines.join('\n')
}

function memoryLine({ backend, degraded, reason }: StatusReport['memory']): string {
  const state = degraded ? `${backend}, DEGRADED` : backend
  return reason === undefined ? state : `${state}: ${plain(reason)}`
}

function counts(byName: Readonly<Record<string, number | undefined>>): string {
  const parts = Object.entries(byName).map(([name, n]) => `${name} ${n ?? 0}`)
  return parts.join(', ') || 'none'
}

function withoutPassword(url: string | null): string | null {
  return url === null ? null : url.replace(/:\/\/([^:@/]+):[^@]*@/, '://$1@')
}

/** Columns as wide as their widest cell; nothing at all when there are no rows. */
function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string[] {
  if (rows.length === 0) return []
  const cells = [head, ...rows.map((row) => row.map(String))]
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => (row[column] ?? '').length)),
  )
  return [
    '',
    ...cells.map((row) =>
      row
        .map((cell, n) => cell.padEnd(widths[n] ?? 0))
        .join('  ')
        .trimEnd(),
    ),
  ]
}
