import type { StackReport } from '@chimera/infra/stack/stack-report'

import { processTree, type ProcessRow } from './process-table.ts'

/** Every process of a stack with the name of the part that it belongs to. */
export async function stackProcesses(
  report: StackReport,
): Promise<(ProcessRow & { name: string })[]> {
  const parts = [...report.roles, ...report.tools, ...report.simulated, ...report.servers]
  const names = new Map(parts.map(({ name, pid }) => [pid, name]))
  names.set(report.pid, 'supervisor')
  const tree = await processTree(report.pid)
  const byPid = new Map(tree.map((row) => [row.pid, row]))
  const nameOf = (pid: number): string =>
    names.get(pid) ?? nameOf(byPid.get(pid)?.parent ?? report.pid)
  return tree.map((row) => ({ ...row, name: nameOf(row.pid) }))
}

/** Seconds of CPU that each part of a stack has used so far. */
export async function cpuSeconds(report: StackReport): Promise<Record<string, number>> {
  const seconds: Record<string, number> = {}
  for (const { name, cpu_s } of await stackProcesses(report))
    seconds[name] = (seconds[name] ?? 0) + cpu_s
  return seconds
}
