import { execFile } from 'node:child_process'
import { readdir, readFile, readlink, realpath, rm } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** A fast shutdown: the lifeline has asked for it already, this is only the wait. */
const PATIENCE_MS = 5000
const LOOK_EVERY_MS = 50

/**
 * Makes way for a start. Whoever calls holds the lock of this data folder, so a server that still
 * runs on it is an orphan on its way out: it is waited for, then told to stop, then told so at
 * once; and so is a backend that outlived its postmaster, which would keep every new one from
 * starting for as long as it waits for a lock of the dead. A pid file that names a process of
 * another kind (pids come again, in a container soon) is removed, because PostgreSQL would refuse
 * to start for it.
 */
export async function clearDeadPostmaster(folder: string): Promise<void> {
  const data = await realpath(folder)
  await endPostmaster(data)
  await endOrphans(data)
}

async function endPostmaster(data: string): Promise<void> {
  const file = path.join(data, 'postmaster.pid')
  const steps: (NodeJS.Signals | undefined)[] = [undefined, 'SIGINT', 'SIGQUIT', 'SIGKILL']
  for (const signal of steps) {
    const pid = await readPid(file)
    if (pid === undefined) return
    if (!(await isPostgres(pid, data))) {
      await rm(file, { force: true })
      return
    }
    if (signal !== undefined) trySignal(pid, signal)
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
      await sleep(LOOK_EVERY_MS)
      if (!(await isPostgres(pid, data))) break
    }
  }
}

/** Most backends see within milliseconds that their postmaster died, and go. */
const ORPHAN_PATIENCE_MS = 1000

/** Ends what still works in the folder after its postmaster. Only Linux tells who that is. */
async function endOrphans(data: string): Promise<void> {
  if (process.platform !== 'linux') return
  const steps: (NodeJS.Signals | undefined)[] = [undefined, 'SIGQUIT', 'SIGKILL']
  for (const signal of steps) {
    for (let waited = 0; waited < ORPHAN_PATIENCE_MS; waited += LOOK_EVERY_MS) {
      const orphans = await pidsIn(data)
      if (orphans.length === 0) return
      if (waited === 0 && signal !== undefined) for (const pid of orphans) trySignal(pid, signal)
      await sleep(LOOK_EVERY_MS)
    }
  }
}

async function pidsIn(data: string): Promise<number[]> {
  const pids = (await readdir('/proc')).map(Number).filter(Number.isInteger)
  const found = await Promise.all(
    pids.map(async (pid) => ((await isPostgres(pid, data)) ? [pid] : [])),
  )
  return found.flat()
}

async function readPid(file: string): Promise<number | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const pid = Number(text?.split('\n')[0])
  return Number.isInteger(pid) && pid > 1 ? pid : undefined
}

/** Whether this pid is a PostgreSQL that works in this data folder. */
async function isPostgres(pid: number, data: string): Promise<boolean> {
  if (process.platform === 'linux') {
    return (await readlink(`/proc/${pid}/cwd`).catch(() => undefined)) === data
  }
  const found = await run('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => undefined)
  return found !== undefined && found.stdout.includes('postgres') && found.stdout.includes(data)
}

function trySignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // It has gone in between: that is what was wanted.
  }
}
