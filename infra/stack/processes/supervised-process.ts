import { spawn, type ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

import type { ChimeraError } from '@chimera/contracts/errors'

import { lastFault } from './last-fault.ts'
import { followLog, type LogFollower } from './log-follower.ts'
import { askReady, type Readiness } from './readiness.ts'
import { createRestartPolicy } from './restart-policy.ts'
import { openRotatingLog, type RotatingLog } from './rotating-log.ts'
import { startFailure } from './start-failure.ts'

/** What it takes to start one process, and to know that it is up. */
export type ProcessSpec = Readonly<{
  name: string
  command: string
  args: readonly string[]
  /** The whole environment: nothing is inherited. */
  env: Readonly<Record<string, string>>
  cwd: string
  /** Set when the process runs as somebody else. */
  identity?: Readonly<{ uid: number; gid: number }> | undefined
  readiness: Readiness
  /**
   * It may find that another process holds what it needs, and exits with 75 then: whoever waits for
   * its readiness goes on without it, and it is tried again until it gets it.
   */
  mayBeHeldUp?: boolean
  /** Runs before every start: clears away what a dead predecessor left behind. */
  beforeStart?: (() => Promise<void>) | undefined
}>

/** As in `chimera status --json`. */
export type ProcessState = 'starting' | 'ready' | 'draining' | 'down'

export type ProcessReport = Readonly<{
  name: string
  pid: number | undefined
  state: ProcessState
  restarts: number
  /** Why it is not up, in its own words, where another process is in its way. */
  heldUpBy?: string
}>

/** One process that is started again whenever it dies, until it is stopped. */
export type SupervisedProcess = Readonly<{
  name: string
  report: () => Promise<ProcessReport>
  pid: () => number | undefined
  /**
   * Resolves when it is up for the first time, or is held up by another process; rejects when it
   * will not come up.
   */
  ready: (timeoutMs: number) => Promise<void>
  /** Asks politely, and kills what is still there after `killAfterMs`. */
  stop: (killAfterMs: number) => Promise<void>
}>

/** Configuration is wrong (sysexits EX_CONFIG): starting again cannot help the one who waits. */
const EXIT_CONFIG = 78
/** Another process holds what it needs (sysexits EX_TEMPFAIL), and may do so for hours. */
const EXIT_HELD = 75
const HELD_RETRY_MS = 5_000
/** So many deaths before the first readiness are a failed start, not bad luck. */
const MAX_DEATHS_BEFORE_READY = 5
const PROBE_EVERY_MS = 40
/** A server that hangs is asked to stop first: it may still be able to. */
const STUCK_KILL_AFTER_MS = 2000
/** A pipe is read to its end; a grandchild may hold it open for ever. */
const DRAIN_WITHIN_MS = 500

type Life = {
  child: ChildProcess | undefined
  startedAt: number
  state: ProcessState
  restarts: number
  wasReady: boolean
  /** What it wrote in this life says that it is ready; of a `log` readiness alone. */
  isReadyByLog: boolean
  failure: ChimeraError | undefined
  heldUpBy: string | undefined
}

/** Starts the process at once and keeps it running. Opening never throws; `ready` tells. */
export function openSupervisedProcess(options: {
  spec: ProcessSpec
  logFile: string
}): SupervisedProcess {
  const { spec } = options
  const log = openRotatingLog(options.logFile)
  const stopping = new AbortController()
  const policy = createRestartPolicy()
  const life: Life = {
    child: undefined,
    startedAt: 0,
    state: 'starting',
    restarts: 0,
    wasReady: false,
    isReadyByLog: false,
    failure: undefined,
    heldUpBy: undefined,
  }
  const note = (message: string, fields: object = {}): void =>
    log.write(Buffer.from(`${supervisorLine(spec.name, message, fields)}\n`))

  const live = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const exit = await liveOnce({ spec, log, life, stopping: stopping.signal, note })
      if (stopping.signal.aborted) return
      life.state = 'starting'
      const isHeldUp = spec.mayBeHeldUp === true && exit === `exited with ${EXIT_HELD}`
      life.heldUpBy = isHeldUp ? lastFault(log.tail()) : undefined
      life.restarts += isHeldUp ? 0 : 1
      life.failure = isHeldUp ? undefined : judgeStart(spec.name, life, exit, log.tail())
      const delayMs = isHeldUp ? HELD_RETRY_MS : policy.next(Date.now() - life.startedAt)
      note(`${exit}; starting again`, { restarts: life.restarts, delay_ms: delayMs })
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const lived = live()
  return {
    name: spec.name,
    pid: () => life.child?.pid,
    report: async () => {
      const state = await currentState(spec, life)
      if (state === 'ready') life.heldUpBy = undefined
      const { child, restarts, heldUpBy } = life
      const why = heldUpBy === undefined ? {} : { heldUpBy }
      return { name: spec.name, pid: child?.pid, state, restarts, ...why }
    },
    ready: (timeoutMs) => waitUntilReady({ spec, life, log, timeoutMs, stopping: stopping.signal }),
    stop: async (killAfterMs) => {
      if (stopping.signal.aborted) return lived
      stopping.abort()
      if (life.child !== undefined) life.state = 'draining'
      const killer = setTimeout(() => {
        note(`did not stop within ${killAfterMs} ms; killed`)
        endHard(life.child)
      }, killAfterMs)
      life.child?.kill('SIGTERM')
      await lived
      clearTimeout(killer)
      life.state = 'down'
      log.close()
    },
  }
}

/** One start, until its death. Answers how it ended, as a half sentence. */
async function liveOnce(options: {
  spec: ProcessSpec
  log: RotatingLog
  life: Life
  stopping: AbortSignal
  note: (message: string, fields?: object) => void
}): Promise<string> {
  const { spec, log, life, note } = options
  life.startedAt = Date.now()
  life.isReadyByLog = false
  try {
    await spec.beforeStart?.()
  } catch (error) {
    return `could not be prepared (${error instanceof Error ? error.message : String(error)})`
  }
  if (options.stopping.aborted) return 'stopped'
  const child = spawn(spec.command, spec.args, {
    cwd: spec.cwd,
    env: { ...spec.env },
    // The open stdin is the lifeline: when this process is gone, the child reads end of file.
    stdio: ['pipe', 'pipe', 'pipe'],
    // A group of its own: Ctrl-C reaches the supervisor alone, which stops all in their order.
    detached: true,
    ...(spec.identity === undefined ? {} : spec.identity),
  })
  life.child = child
  note('started', { child_pid: child.pid })
  child.stdin.on('error', () => undefined)
  using follower = followWords(spec, child, note)
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      log.write(chunk)
      follower?.hear(chunk)
      life.isReadyByLog = follower?.isReady() ?? false
    })
    stream.on('error', () => undefined)
  }
  const closed = new Promise<void>((resolve) => void child.once('close', () => resolve()))
  const exit = await new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(`could not be started (${error.message})`))
    child.once('exit', (code, signal) => resolve(signal ?? `exited with ${code}`))
  })
  child.stdin.destroy()
  // What a dead child wrote last is still in the pipe.
  await Promise.race([closed, sleep(DRAIN_WITHIN_MS)])
  child.stdout.destroy()
  child.stderr.destroy()
  life.child = undefined
  return exit
}

/** Where readiness is a matter of words; whoever hangs in a recovery is ended, and so replaced. */
function followWords(
  spec: ProcessSpec,
  child: ChildProcess,
  note: (message: string) => void,
): LogFollower | undefined {
  if (spec.readiness.kind !== 'log') return undefined
  return followLog(spec.readiness, () => {
    note('is not ready in time and does not say why; ended')
    child.kill('SIGTERM')
    setTimeout(() => {
      if (child.exitCode === null && child.signalCode === null) endHard(child)
    }, STUCK_KILL_AFTER_MS).unref()
  })
}

async function waitUntilReady(options: {
  spec: ProcessSpec
  life: Life
  log: RotatingLog
  timeoutMs: number
  stopping: AbortSignal
}): Promise<void> {
  const { spec, life, log } = options
  const until = Date.now() + options.timeoutMs
  while (!life.wasReady) {
    if (life.failure !== undefined) throw life.failure
    if (life.heldUpBy !== undefined) return
    if (options.stopping.aborted)
      throw startFailure({ name: spec.name, what: 'was stopped', lastLines: [] })
    if (Date.now() > until)
      throw startFailure({
        name: spec.name,
        what: `was not ready within ${options.timeoutMs} ms`,
        lastLines: log.tail(),
      })
    if (life.child !== undefined && (await askReady(spec.readiness, life.isReadyByLog))) {
      life.wasReady = true
      life.state = 'ready'
      return
    }
    await sleep(PROBE_EVERY_MS)
  }
}

async function currentState(spec: ProcessSpec, life: Life): Promise<ProcessState> {
  if (life.state === 'draining') return 'draining'
  if (life.child === undefined) return 'down'
  return (await askReady(spec.readiness, life.isReadyByLog)) ? 'ready' : 'starting'
}

function judgeStart(
  name: string,
  life: Life,
  exit: string,
  lastLines: readonly string[],
): ChimeraError | undefined {
  if (life.wasReady) return undefined
  if (exit === `exited with ${EXIT_CONFIG}`)
    return startFailure({ name, what: exit, lastLines, isConfigFault: true })
  if (life.restarts < MAX_DEATHS_BEFORE_READY) return undefined
  return startFailure({ name, what: `${exit}, ${life.restarts} times in a row`, lastLines })
}

/** The whole group, so that a shell and its server go together. */
function endHard(child: ChildProcess | undefined): void {
  if (child?.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch {
    child.kill('SIGKILL')
  }
}

function supervisorLine(name: string, message: string, fields: object): string {
  return JSON.stringify({
    level: 30,
    time: Date.now(),
    name: 'supervisor',
    process: name,
    ...fields,
    msg: message,
  })
}
