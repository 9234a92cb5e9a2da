import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'

import type { StackReport } from '@chimera/infra/stack/stack-report'

import { stackProcesses } from '../processes/stack-processes.ts'
import type { BenchStack } from '../stack/bench-stack.ts'

/** The most memory that any one process of a part has held, in bytes. */
export type Peaks = Readonly<Record<string, number>>

const LOOK_EVERY_MS = 500

/**
 * Looks at every process of the stack until it is stopped. The kernel keeps the most that each
 * process has held (VmHWM), so that only a process that lives less than half a second is missed.
 */
export function watchMemory(stack: BenchStack): { stop: () => Promise<Peaks> } {
  const peaks: Record<string, number> = {}
  const stopped = new AbortController()
  const watching = (async () => {
    let report = await reportOf(stack)
    while (!stopped.signal.aborted) {
      // Processes that were started again have other numbers; a supervisor may be slow to say so.
      report = (await reportOf(stack)) ?? report
      const rows = report === undefined ? [] : await stackProcesses(report)
      for (const { name, pid } of rows) {
        const bytes = (await mostBytes(pid)) ?? 0
        peaks[name] = Math.max(peaks[name] ?? 0, bytes)
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopped.signal }).catch(() => undefined)
    }
  })()
  return {
    stop: async () => {
      stopped.abort()
      await watching
      return peaks
    },
  }
}

const reportOf = (stack: BenchStack): Promise<StackReport | undefined> =>
  stack.report().catch(() => undefined)

/** Resident pages, shared ones in full: PostgreSQL's buffers count in each of its processes. */
async function mostBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  const kibibytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}
