import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { CrashLine } from '@chimera/contracts/observable'

import { ConfigError } from './config.ts'

/** Called wherever a process might die. Does nothing but at the one armed label. */
export type Crash = ((label: CrashPoint) => void) & {
  /** True when a label is armed: a tool server with a live back end refuses to start then. */
  readonly isArmed: boolean
}

/**
 * Arms the label of CHIMERA_CRASH_AT (`<label>[:n]`, n counts from 1 within this process). At the
 * n-th time a line is appended durably to `<stateDir>/crash-points.jsonl` and the process SIGKILLs
 * itself: the call does not return. Once per label and run id, so that the restarted process gets
 * past it. Throws ConfigError for a label that does not exist.
 */
export function openCrashPoints(options: {
  spec: string | undefined
  stateDir: string | undefined
  runId: string | undefined
  process: string
  /** For tests: what SIGKILLs. */
  die?: () => void
}): Crash {
  const { spec, stateDir } = options
  if (spec === undefined) return Object.assign(() => undefined, { isArmed: false })
  const armed = parseSpec(spec)
  if (stateDir === undefined) {
    throw new ConfigError([
      { pointer: 'CHIMERA_STATE_DIR', detail: 'is needed beside CHIMERA_CRASH_AT' },
    ])
  }
  const file = join(stateDir, 'crash-points.jsonl')
  const run = options.runId ?? null
  const die = options.die ?? dieHere
  let times = 0
  const crash = (label: CrashPoint): void => {
    if (label !== armed.label) return
    times += 1
    if (times !== armed.n || hasFired({ file, label, run })) return
    const at = new Date().toISOString()
    append(file, { label, n: armed.n, process: options.process, pid: process.pid, at, run })
    die()
  }
  return Object.assign(crash, { isArmed: true })
}

function parseSpec(spec: string): { label: CrashPoint; n: number } {
  const [, name, n] = /^([a-z._]+)(?::([1-9][0-9]{0,8}))?$/.exec(spec) ?? []
  const label = CRASH_POINTS.find((known) => known === name)
  if (label !== undefined) return { label, n: Number(n ?? '1') }
  throw new ConfigError([
    {
      pointer: 'CHIMERA_CRASH_AT',
      detail: 'has to be <label>[:n] with a label that `chimera crash-points` lists',
    },
  ])
}

function hasFired(armed: { file: string; label: CrashPoint; run: string | null }): boolean {
  return readLines(armed.file).some((text) => {
    const line = parseLine(text)
    return line?.label === armed.label && line.run === armed.run
  })
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n')
  } catch {
    return []
  }
}

function parseLine(text: string): CrashLine | undefined {
  try {
    return CrashLine.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** On the disk before the process dies: a test proves by this line that the point was reached. */
function append(file: string, line: CrashLine): void {
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 })
  const descriptor = openSync(file, 'a', 0o600)
  try {
    writeSync(descriptor, `${JSON.stringify(line)}\n`)
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

function dieHere(): void {
  process.kill(process.pid, 'SIGKILL')
  // The signal may take a moment to arrive; nothing more may happen in between.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
}
