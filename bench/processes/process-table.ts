import { readdir, readFile } from 'node:fs/promises'

/** One process as the kernel counts it. Linux only: everything is read from `/proc`. */
export type ProcessRow = Readonly<{
  pid: number
  parent: number
  /** Its own seconds of CPU and those of its children that are gone. */
  cpu_s: number
  /** Since the kernel's start. */
  started_s: number
}>

/** USER_HZ: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** The process and all below it that live now, the process first. */
export async function processTree(root: number): Promise<ProcessRow[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const rows = (await Promise.all(pids.map(readProcess))).filter((row) => row !== undefined)
  const below = (parent: number): ProcessRow[] =>
    rows.flatMap((row) => (row.parent === parent ? [row, ...below(row.pid)] : []))
  return [...rows.filter(({ pid }) => pid === root), ...below(root)]
}

/** Nothing when it is gone. */
export async function readProcess(pid: number): Promise<ProcessRow | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  // The name is in brackets and may hold anything: the fields are counted from behind it.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  const field = (n: number): number => Number(fields[n - 3])
  return {
    pid,
    parent: field(4),
    cpu_s: (field(14) + field(15) + field(16) + field(17)) / TICKS_PER_SECOND,
    started_s: field(22) / TICKS_PER_SECOND,
  }
}

/** When the process was started, in milliseconds of the wall clock, to 10 ms. */
export async function startOf(pid: number): Promise<number | undefined> {
  const row = await readProcess(pid)
  if (row === undefined) return undefined
  const [up] = (await readFile('/proc/uptime', 'utf8')).split(' ')
  return Date.now() - (Number(up) - row.started_s) * 1000
}

/** Resident bytes, pages shared with others counted by their share; nothing when not readable. */
export async function proportionalBytes(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8').catch(() => '')
  const kibibytes = /^Pss:\s+(\d+) kB$/m.exec(text)?.[1]
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024
}
