import { execFileSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'

/** Which program was measured and on what. Figures without this are hearsay. */
export type Machine = {
  commit: string
  /** Tracked files that differ from the commit: the figures are not only the commit's. */
  modified: number
  cpu: string
  cores: number
  memory_gb: number
  system: string
  node: string
  /** Of the minute before the start: what else this machine was doing. */
  load_before: number
}

export function describeMachine(): Machine {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: checkoutRoot(), encoding: 'utf8' }).trim()
  const changes = git('status', '--porcelain', '--untracked-files=no')
  return {
    commit: git('rev-parse', '--short=12', 'HEAD'),
    modified: changes === '' ? 0 : changes.split('\n').length,
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    load_before: loadOfMinute(),
  }
}

export const loadOfMinute = (): number => Math.round((loadavg()[0] ?? 0) * 100) / 100

/** The machine as the first lines of a report. */
export function renderMachine(machine: Machine): string[] {
  const { commit, modified, cpu, cores, memory_gb, system, node, load_before } = machine
  const dirt = modified === 0 ? '' : ` with ${modified} modified files`
  return [
    `commit ${commit}${dirt}; Node ${node}; ${system}; ${cores} cores of ${cpu}; ${memory_gb} GB`,
    ...(load_before > cores / 4
      ? [`NOISE: load was ${load_before} on ${cores} cores before the start; read ratios only.`]
      : []),
  ]
}
