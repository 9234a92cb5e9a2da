import { setTimeout as sleep } from 'node:timers/promises'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { type Database, openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { type BenchStack, eventually, openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { postNoops } from '../swarm/post-noops.ts'
import { countEntries, type Published } from './count-entries.ts'
import { type Peaks, watchMemory } from './watch-memory.ts'

export type QueuedFound = Readonly<{
  tasks: number
  /** How long all of them waited with nobody to take them. */
  held_s: number
  /** From the first goal posted until every task was ready. */
  queued_after_s: number
  /** From the moment at which the Worker went on. */
  drained_after_s: number
  /** Goals that did not end COMPLETED. */
  unfinished: number
  peak_bytes: Peaks
  published: readonly Published[]
}>

const WITHIN_MS = 900_000
const LOOK_EVERY_MS = 2_000
/** Whoever would ring again for what has just been done has had several sweeps for it. */
const AFTERWARDS_MS = 5_000

/**
 * Stops the Worker (SIGSTOP: nothing is claimed), posts everything, waits until all of it is
 * planned and ready, leaves the queue alone for a while, lets the Worker go on, and waits until
 * everything is done.
 */
export async function measureQueued(options: {
  tasks: number
  holdSeconds: number
  env: Readonly<Record<string, string | undefined>>
  log: (line: string) => void
}): Promise<QueuedFound> {
  const { tasks, holdSeconds, env, log } = options
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...env, SWARM_TOOLS: 'off' },
  })
  const { postgres: url } = (await stack.report()).urls
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url, name: 'bench', log: silent, max: 1 })
  const memory = watchMemory(stack)
  const entries = countEntries(stack.redis())
  const worker = await pauseWorker(stack)
  const began = Date.now()
  log(`posting ${tasks} goals of one task each; the Worker is stopped`)
  await postNoops({ redis: stack.redis(), name: 'queued', goals: tasks })
  await counted({ database, what: `${tasks} tasks are ready`, text: READY, tasks, log })
  const queued_after_s = (Date.now() - began) / 1000
  log(`all are queued; nobody takes them for ${holdSeconds} s`)
  await sleep(holdSeconds * 1000)
  worker.goOn()
  const wentOn = Date.now()
  const done = await counted({ database, what: `${tasks} are done`, text: DONE, tasks, log })
  const drained_after_s = (Date.now() - wentOn) / 1000
  await sleep(AFTERWARDS_MS)
  return {
    tasks,
    held_s: holdSeconds,
    queued_after_s,
    drained_after_s,
    unfinished: tasks - done,
    peak_bytes: await memory.stop(),
    published: await entries.stop(),
  }
}

const READY = `SELECT count(*) FROM tasks WHERE phase = 'ready'`
const DONE = `SELECT count(*) FROM goals WHERE tenant_id = '${DEFAULT_TENANT}'
  AND status = 'COMPLETED'`

const Count = z.object({ count: z.coerce.number() })

/** Waits until there are as many, or for as long as it makes sense to wait; how many there are. */
async function counted(of: {
  database: Database
  what: string
  text: string
  tasks: number
  log: (line: string) => void
}): Promise<number> {
  const { database, what, text, tasks, log } = of
  let found = 0
  await eventually({
    what,
    withinMs: WITHIN_MS,
    everyMs: LOOK_EVERY_MS,
    check: async () => {
      const [row] = await database.query({ text })
      found = Count.parse(row).count
      return found >= tasks ? found : undefined
    },
  }).catch((error: unknown) => log(String(error)))
  return found
}

async function pauseWorker(stack: BenchStack): Promise<{ goOn: () => void }> {
  const pid = (await stack.report()).roles.find(({ name }) => name === 'worker')?.pid
  if (typeof pid !== 'number') throw new Error('The Worker does not run.')
  process.kill(pid, 'SIGSTOP')
  return { goOn: () => void process.kill(pid, 'SIGCONT') }
}
