import { readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { StackClient } from '@chimera/infra/stack/control-client'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import type { Random } from '../../guarantee.ts'
import { findPids, signalAll } from './process-table.ts'

/** The shell that restarts Redis looks away for so long: the files have to be harmed meanwhile. */
const DIES_WITHIN_MS = 5_000

/** Kills Redis and does something to its files before it is started again. */
async function whileDead(stack: StackClient, harm: (folder: string) => void): Promise<void> {
  const lifeline = await findPids(stack, 'redis-lifeline')
  const [server, ...others] = await findPids(stack, 'redis')
  if (server === undefined || others.length > 0) throw new Error('Redis is not one process')
  signalAll(lifeline, 'SIGSTOP')
  try {
    signalAll([server], 'SIGKILL')
    const until = Date.now() + DIES_WITHIN_MS
    while ((await findPids(stack, 'redis')).includes(server) && Date.now() < until) await sleep(20)
    const { state_dir: stateDir } = await stack.report()
    harm(join(stateDirPaths(stateDir).redis, 'appendonlydir'))
  } finally {
    signalAll(lifeline, 'SIGCONT')
  }
}

/** Cuts off the end of what Redis had written down, anywhere. Answers the share that is left. */
export async function cutRedisFile(stack: StackClient, random: Random): Promise<number> {
  let left = 1
  await whileDead(stack, (folder) => {
    const name = readdirSync(folder).findLast((each) => each.endsWith('.incr.aof'))
    if (name === undefined) throw new Error(`Redis has written nothing in ${folder}`)
    const file = join(folder, name)
    const { size } = statSync(file)
    const keep = random.integer(0, size)
    truncateSync(file, keep)
    left = size === 0 ? 0 : keep / size
  })
  return left
}

/** Another Redis in its place that knows nothing. */
export async function replaceRedis(stack: StackClient): Promise<void> {
  await whileDead(stack, (folder) => rmSync(folder, { recursive: true }))
}
