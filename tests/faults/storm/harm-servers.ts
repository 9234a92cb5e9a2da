import { execFileSync } from 'node:child_process'
import { readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { StackClient } from '@chimera/infra/stack/control-client'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import { eventually } from '../../e2e/stack-rig.ts'
import type { Random } from '../../guarantee.ts'
import { findPids, signalAll } from './process-table.ts'

/** The shell that restarts Redis looks away for so long: the files have to be harmed meanwhile. */
const DIES_WITHIN_MS = 5_000
const BACK_WITHIN_MS = 20_000
const APPEND_ONLY = 'appendonlydir'

/** Kills a server, all of it, and does something to its files before it is started again. */
async function whileDead(
  stack: StackClient,
  name: 'redis' | 'postgres',
  harm: (folder: string) => void,
): Promise<void> {
  // It may be on its way back from the last time.
  const server = await eventually(
    async () => {
      const pids = await findPids(stack, name)
      return pids.length > 0 ? pids : undefined
    },
    BACK_WITHIN_MS,
    `${name} runs`,
  )
  const lifeline = await findPids(stack, `${name}-lifeline`)
  signalAll(lifeline, 'SIGSTOP')
  try {
    signalAll(server, 'SIGKILL')
    const until = Date.now() + DIES_WITHIN_MS
    while ((await findPids(stack, name)).length > 0 && Date.now() < until) await sleep(20)
    const { state_dir: stateDir } = await stack.report()
    harm(stateDirPaths(stateDir)[name])
  } finally {
    signalAll(lifeline, 'SIGCONT')
  }
}

/** Cuts off the end of what Redis had written down, anywhere. Answers the share that is left. */
export async function cutRedisFile(stack: StackClient, random: Random): Promise<number> {
  let left = 1
  await whileDead(stack, 'redis', (at) => {
    const folder = join(at, APPEND_ONLY)
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
  await whileDead(stack, 'redis', (at) => rmSync(join(at, APPEND_ONLY), { recursive: true }))
}

/** A copy of PostgreSQL as it is now, beside it. */
export async function copyPostgres(stack: StackClient): Promise<void> {
  await whileDead(stack, 'postgres', (at) => {
    rmSync(join(at, 'data.old'), { recursive: true, force: true })
    // With owners: under root PostgreSQL runs as somebody else.
    execFileSync('cp', ['-a', join(at, 'data'), join(at, 'data.old')])
  })
}

/** The copy takes the place of PostgreSQL, and nobody is told. */
export async function rollBackPostgres(stack: StackClient): Promise<void> {
  await whileDead(stack, 'postgres', (at) => {
    rmSync(join(at, 'data'), { recursive: true })
    renameSync(join(at, 'data.old'), join(at, 'data'))
  })
}
