import { execFile } from 'node:child_process'
import { readFile, readlink, realpath } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const PATIENCE_MS = 5000
const LOOK_EVERY_MS = 20

/** A server that may have outlived whoever started it. */
export type Orphan = Readonly<{
  pidFile: string
  /** Its working directory: a pid alone may be another process's by now. */
  folder: string
  /** How its command line looks where the working directory of a process cannot be asked. */
  program: RegExp
}>

/** Two servers on one folder would spoil it: an orphan on its way out is waited for, then ended. */
export async function outliveOrphan(orphan: Orphan): Promise<void> {
  const text = await readFile(orphan.pidFile, 'utf8').catch(() => '')
  const pid = Number(text.trim())
  if (!Number.isInteger(pid) || pid <= 1) return
  const home = await realpath(orphan.folder)
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    for (let waited = 0; waited < PATIENCE_MS; waited += LOOK_EVERY_MS) {
      if (!(await isServer(pid, home, orphan.program))) return
      await sleep(LOOK_EVERY_MS)
    }
    process.kill(pid, signal)
  }
}

async function isServer(pid: number, home: string, program: RegExp): Promise<boolean> {
  if (process.platform === 'linux')
    return (await readlink(`/proc/${pid}/cwd`).catch(() => undefined)) === home
  const found = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(
    () => undefined,
  )
  return found !== undefined && program.test(found.stdout)
}
