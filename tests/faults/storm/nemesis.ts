import { setTimeout as sleep } from 'node:timers/promises'

import { signalAll } from './process-table.ts'
import type { StormFault } from './storm-plan.ts'

/** What was done, by kind and target: `kill worker` -> times. */
export type Fired = Record<string, number>

/** Does what a plan says, and undoes what can be undone. */
export type Nemesis = AsyncDisposable &
  Readonly<{
    /** Resolves when the last fault is over: nothing is stopped, X behaves. */
    rage: (plan: readonly StormFault[]) => Promise<void>
    fired: Fired
  }>

/** A target that is being started again is waited for. */
const COMES_BACK_WITHIN_MS = 15_000

type Control = Readonly<Record<string, unknown>>

/** Tells X; a dead or stopped one hears it when it is back. */
async function tell(xUrl: string, control: Control): Promise<void> {
  const until = Date.now() + COMES_BACK_WITHIN_MS
  for (;;) {
    try {
      const answer = await fetch(new URL('/__control', xUrl), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(control),
        signal: AbortSignal.timeout(10_000),
      })
      if (answer.ok) return
      throw new Error(`X would not do it: ${await answer.text()}`)
    } catch (cause) {
      if (Date.now() > until) throw cause
      await sleep(20)
    }
  }
}

/**
 * @param options.findPids - the processes of a target; none while it is being started again
 * @param options.xUrls - every simulated X by name, which takes orders on `/__control`
 * @param options.settings - what an X has to be told again after each of its deaths
 */
export function openNemesis(options: {
  findPids: (target: string) => Promise<number[]>
  xUrls: ReadonlyMap<string, string>
  settings: Control
}): Nemesis {
  const { xUrls, settings } = options
  const fired: Fired = {}
  const stopped = new Set<number>()
  const count = (what: string): void => {
    fired[what] = (fired[what] ?? 0) + 1
  }

  const tellX = (name: string, control: Control): Promise<void> =>
    tell(xUrls.get(name) ?? '', control)
  const tellAll = async (control: Control): Promise<void> => {
    await Promise.all([...xUrls.keys()].map((name) => tellX(name, control)))
  }
  const catchPids = async (target: string): Promise<number[]> => {
    const until = Date.now() + COMES_BACK_WITHIN_MS
    for (;;) {
      const pids = await options.findPids(target)
      if (pids.length > 0) return pids
      if (Date.now() > until) throw new Error(`${target} does not come back`)
      await sleep(50)
    }
  }

  const fire = async (fault: StormFault): Promise<void> => {
    if (fault.kind === 'x') {
      await tellX(fault.target, fault.control)
      return count(`x ${String(fault.control['fault'])}`)
    }
    const pids = await catchPids(fault.target)
    if (fault.kind === 'kill') {
      signalAll(pids, 'SIGKILL')
      count(`kill ${fault.target}`)
      if (xUrls.has(fault.target)) await tellX(fault.target, settings)
      return
    }
    for (const pid of pids) stopped.add(pid)
    signalAll(pids, 'SIGSTOP')
    count(`stop ${fault.target}`)
    await sleep(fault.forMs)
    signalAll(pids, 'SIGCONT')
    for (const pid of pids) stopped.delete(pid)
  }

  const calm = (): void => {
    signalAll([...stopped], 'SIGCONT')
    stopped.clear()
  }
  return {
    fired,
    rage: async (plan) => {
      await tellAll(settings)
      const started = Date.now()
      const firing: Promise<void>[] = []
      try {
        for (const fault of plan) {
          await sleep(Math.max(0, started + fault.atMs - Date.now()))
          firing.push(fire(fault))
        }
        await Promise.all(firing)
      } finally {
        calm()
        await Promise.allSettled(firing)
      }
      await tellAll({ ...settings, fault: 'none', timeline_delay_ms: 0 })
    },
    [Symbol.asyncDispose]: async () => calm(),
  }
}
