import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { findStateDir, stateDirPaths } from '@chimera/infra/stack/state-dir'

import type { CliContext } from '../../context.ts'
import { CliExit, EXIT } from '../../exit-codes.ts'
import { renderLogLine } from './log-line.ts'

export type LogsOptions = Readonly<{ follow?: boolean; lines: number; json?: boolean }>

/** Read from the end of each file, so that a full log costs no more than a fresh one. */
const TAIL_BYTES = 1024 * 1024
const MAX_CHUNK_BYTES = 4 * 1024 * 1024
const LOOK_EVERY_MS = 250

/** Prints the last lines of one process or of all, oldest first, and follows them when asked. */
export async function logs(
  role: string | undefined,
  options: LogsOptions,
  context: CliContext,
): Promise<void> {
  const folder = stateDirPaths(findStateDir(context.env)).logs
  const names = logNames(folder)
  if (role !== undefined && !names.includes(role))
    throw new CliExit(
      EXIT.notFound,
      `There is no log of ${role}. There is: ${names.join(', ') || 'nothing yet'}.`,
    )
  const chosen = role === undefined ? names : [role]
  const print = (name: string, line: string): void =>
    context.out(options.json === true ? line : renderLogLine(name, line))
  const followed = chosen.map((name) => new FollowedLog(name, path.join(folder, `${name}.log`)))
  const last = followed.flatMap((log) =>
    log.tail(options.lines).map((line) => ({ name: log.name, line, at: timeOf(line) })),
  )
  // Lines without a time of their own stay behind the one before them in their file.
  fillTimes(last)
  const sorted = last.toSorted((left, right) => left.at - right.at)
  for (const { name, line } of options.lines === 0 ? [] : sorted.slice(-options.lines))
    print(name, line)
  while (options.follow === true) {
    for (const log of followed) for (const line of log.news()) print(log.name, line)
    await sleep(LOOK_EVERY_MS)
  }
}

function logNames(folder: string): string[] {
  try {
    return readdirSync(folder)
      .filter((file) => file.endsWith('.log'))
      .map((file) => file.slice(0, -'.log'.length))
      .toSorted()
  } catch {
    return []
  }
}

/** One log file, through its rotations. */
class FollowedLog {
  readonly name: string
  readonly #file: string
  #inode: number
  #at: number
  #partial = ''

  constructor(name: string, file: string) {
    this.name = name
    this.#file = file
    const found = statSync(file)
    this.#inode = found.ino
    this.#at = found.size
  }

  tail(lines: number): string[] {
    const from = Math.max(0, this.#at - TAIL_BYTES)
    const whole = readRange(this.#file, from, this.#at).split('\n')
    const complete = from > 0 ? whole.slice(1) : whole
    return complete.filter((line) => line !== '').slice(-lines)
  }

  /** Complete lines that were written since the last look. */
  news(): string[] {
    const found = statSync(this.#file, { throwIfNoEntry: false })
    if (found === undefined) return []
    if (found.ino !== this.#inode || found.size < this.#at) {
      this.#inode = found.ino
      this.#at = 0
    }
    if (found.size === this.#at) return []
    const until = Math.min(found.size, this.#at + MAX_CHUNK_BYTES)
    const lines = (this.#partial + readRange(this.#file, this.#at, until)).split('\n')
    this.#at = until
    this.#partial = lines.pop() ?? ''
    return lines
  }
}

function readRange(file: string, from: number, until: number): string {
  const descriptor = openSync(file, 'r')
  try {
    const length = Math.max(0, Math.min(until, fstatSync(descriptor).size) - from)
    const buffer = Buffer.alloc(length)
    return buffer.subarray(0, readSync(descriptor, buffer, 0, length, from)).toString('utf8')
  } finally {
    closeSync(descriptor)
  }
}

/** Milliseconds since 1970 of a line of pino, PostgreSQL or Redis; 0 when it says no time. */
function timeOf(line: string): number {
  const own = /^\{"level":\d+,"time":"?([^",}]+)/.exec(line)?.[1]
  if (own !== undefined) return /^\d+$/.test(own) ? Number(own) : Date.parse(own) || 0
  const written =
    /^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC/.exec(line)?.[1] ??
    /^\d+:\w (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3})/.exec(line)?.[1]
  return written === undefined ? 0 : Date.parse(`${written} UTC`) || 0
}

function fillTimes(lines: { name: string; at: number }[]): void {
  let before = { name: '', at: 0 }
  for (const line of lines) {
    if (line.at === 0 && line.name === before.name) line.at = before.at
    before = line
  }
}
