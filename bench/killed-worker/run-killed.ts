import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase } from '@chimera/infra/database/open-database'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openLog } from '@chimera/runtime/log'

import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { measureBurst, productLine } from '../swarm/measure-burst.ts'
import { openBenchWorker, type BenchWorker } from './bench-worker.ts'
import { type KilledFound, type KilledRound, SIDES, type SideName } from './killed-report.ts'
import { steadyLoad } from './steady-load.ts'

type Environment = Readonly<Record<string, string | undefined>>

const WARM_UP = 2_000

/**
 * The same load in turns with a Worker that lives and never fails, and with one that is killed time
 * and again and whose handlers fail. Both are the product's Worker with a drill of the bench's own;
 * the stack's Worker takes other tasks.
 */
export async function runKilled(options: {
  rounds: number
  seconds: number
  killEverySeconds: number
  failShare: number
  env: Environment
  log: (line: string) => void
}): Promise<KilledFound> {
  const { seconds, killEverySeconds, failShare, env, log } = options
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...env, SWARM_TOOLS: 'off', WORKER_TASK_TYPES: 'TRANSACTION' },
  })
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 1 })
  await using redis = await openRedis({ url: urls.redis, name: 'bench', log: silent })
  const line = await productLine(stack)
  const turn = async (side: SideName, n: number) => {
    const isStorm = side === 'storm'
    await using worker = await openBenchWorker({ stack, failShare: isStorm ? failShare : 0, env })
    const name = `${side}${n}`
    await measureBurst({ line, database, tasks: WARM_UP, name: `warm${name}`, statisticsMs: 0 })
    const killer = isStorm ? killEvery(worker, killEverySeconds) : undefined
    const load = await steadyLoad({ line, database, redis, name, seconds }).finally(killer?.stop)
    worker.check()
    log(`round ${n + 1}: ${side} ${Math.round(load.tasks_per_s)} tasks/s`)
    return { ...load, deaths: worker.deaths() }
  }
  const rounds: KilledRound[] = []
  for (let n = 0; n < options.rounds; n += 1) {
    const found: Partial<KilledRound> = {}
    for (const side of n % 2 === 0 ? SIDES : SIDES.toReversed()) found[side] = await turn(side, n)
    const { calm, storm } = found
    if (calm !== undefined && storm !== undefined) rounds.push({ calm, storm })
  }
  return { seconds, kill_every_s: killEverySeconds, fail_share: failShare, rounds }
}

/** The first in the middle of the first interval: so many in all as there are intervals. */
function killEvery(worker: BenchWorker, everySeconds: number): { stop: () => void } {
  const stopped = new AbortController()
  const killing = async (): Promise<void> => {
    await sleep((everySeconds * 1000) / 2, undefined, stopped)
    for (;;) {
      worker.kill()
      await sleep(everySeconds * 1000, undefined, stopped)
    }
  }
  killing().catch(() => undefined)
  return { stop: () => stopped.abort() }
}
