import { execFile } from 'node:child_process'
import { readFile, readlink, realpath, rm } from 'node:fs/promises'
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
 * once. A pid file that names a process of another kind (pids come again, in a container soon) is
 * removed, because PostgreSQL would refuse to start for it.
 */
export async function clearDeadPostmaster(folder: string): Promise<void> {
  const data = await realpath(folder)
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
