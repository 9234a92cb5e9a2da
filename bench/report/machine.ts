import { execFileSync, spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

import { checkoutRoot } from '@chimera/infra/stack/state-dir'

import { median, shown } from './figures.ts'

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
  before: Weather
}

/** What else the machine was doing. */
export type Weather = {
  /** Of the last minute. */
  load: number
  /**
   * What a Node that does nothing takes to start and end: 30 to 60 ms when nobody else wants the
   * CPU.
   */
  node_start_ms: number
}

const PROBES = 5

export function lookAtWeather(): Weather {
  const starts = Array.from({ length: PROBES }, () => {
    const began = performance.now()
    spawnSync(process.execPath, ['--eval', '0'], { stdio: 'ignore' })
    return performance.now() - began
  })
  return { load: Math.round((loadavg()[0] ?? 0) * 100) / 100, node_start_ms: median(starts) }
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
    before: lookAtWeather(),
  }
}

/** The machine as the first lines of a report. */
export function renderMachine(machine: Machine, after: Weather): string[] {
  const { commit, modified, cpu, cores, memory_gb, system, node, before } = machine
  const dirt = modified === 0 ? '' : ` with ${modified} modified files`
  const weather = (one: Weather): string =>
    `load ${one.load}, a bare Node starts in ${shown(one.node_start_ms, 'ms')}`
  return [
    `commit ${commit}${dirt}; Node ${node}; ${system}; ${cores} cores of ${cpu}; ${memory_gb} GB`,
    `before: ${weather(before)}; after: ${weather(after)}`,
    ...(before.load > cores / 4
      ? [`NOISE: others were using this machine (load ${before.load}); read ratios, not times.`]
      : []),
  ]
}
