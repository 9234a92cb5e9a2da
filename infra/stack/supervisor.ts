import path from 'node:path'

import {
  openSupervisedProcess,
  type ProcessReport,
  type ProcessSpec,
  type SupervisedProcess,
} from './processes/supervised-process.ts'

/** A set of processes that start in one order and stop in the other. */
export type Supervisor = Readonly<{
  report: () => Promise<readonly ProcessReport[]>
  /** Resolves when every process is up; rejects with the first that will not come up. */
  ready: (timeoutMs: number) => Promise<void>
  /**
   * Stops all, group by group, the last group first: whoever takes work in goes before whoever
   * serves it. What is still there when the time is over is killed.
   */
  stop: (withinMs: number) => Promise<void>
}>

/** Of the time that is left, what one group may take when others follow. */
const SHARE_OF_ONE_GROUP = 0.7

/** Starts all processes at once, in their order; each finds the others when they are up. */
export function openSupervisor(options: {
  groups: readonly (readonly ProcessSpec[])[]
  logFolder: string
}): Supervisor {
  const groups = options.groups.map((specs) =>
    specs.map((spec) =>
      openSupervisedProcess({ spec, logFile: path.join(options.logFolder, `${spec.name}.log`) }),
    ),
  )
  const all = groups.flat()
  return {
    report: () => Promise.all(all.map((one) => one.report())),
    ready: async (timeoutMs) => {
      await Promise.all(all.map((one) => one.ready(timeoutMs)))
    },
    stop: (withinMs) => stopAll(groups, withinMs),
  }
}

async function stopAll(
  groups: readonly (readonly SupervisedProcess[])[],
  withinMs: number,
): Promise<void> {
  const until = Date.now() + withinMs
  for (const [index, group] of groups.toReversed().entries()) {
    const left = Math.max(0, until - Date.now())
    const share = index === groups.length - 1 ? left : left * SHARE_OF_ONE_GROUP
    await Promise.all(group.toReversed().map((one) => one.stop(share)))
  }
}
