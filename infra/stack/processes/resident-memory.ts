import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Resident bytes of a process; nothing when it is gone. */
export async function residentBytes(pid: number): Promise<number | undefined> {
  if (process.platform === 'linux') {
    // Not statm: its unit is the page, which is 16 or 64 KiB on some arm64 kernels.
    const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]
    return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
  }
  const found = await run('ps', ['-o', 'rss=', '-p', String(pid)]).catch(() => undefined)
  const kibibytes = Number(found?.stdout.trim())
  return Number.isInteger(kibibytes) && kibibytes > 0 ? kibibytes * 1024 : undefined
}
