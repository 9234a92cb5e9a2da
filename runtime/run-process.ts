import { flushCompileCache } from 'node:module'
import { hostname } from 'node:os'

import type { Config, ConfigSection } from '@chimera/contracts/config'
import { ChimeraError } from '@chimera/contracts/errors'

import { ConfigError, loadConfig, type Environment } from './config.ts'
import { openCrashPoints, type Crash } from './crash-point.ts'
import { openHealth, type Health } from './health.ts'
import { openLog, type Logger } from './log.ts'
import { openMetrics, type Metrics } from './metrics.ts'
import { secretsOf } from './redaction.ts'

/** What the composition root of a process is given. */
export type ProcessContext<S extends ConfigSection = 'base'> = Readonly<{
  name: string
  /** CONSUMER_NAME, or the host's name: stable through restarts. */
  consumerName: string
  config: Config<S | 'base'>
  log: Logger
  /** What `start` opens goes in here; closed in reverse order when the process stops. */
  stack: AsyncDisposableStack
  /** Aborted as soon as the process is asked to stop. */
  signal: AbortSignal
  health: Health
  metrics: Metrics
  crash: Crash
}>

type Definition<S extends ConfigSection> = Readonly<{
  name: string
  sections: readonly S[]
  /**
   * Opens everything; the process is ready when it returns. What it returns stands in the ready
   * line.
   */
  start: (context: ProcessContext<S>) => Promise<Readonly<Record<string, unknown>> | void>
  env?: Environment
}>

/** From the request to stop until the exit; the supervisor kills after 10 s. */
const DRAIN_MS = 8_000

/** sysexits.h where it has a word for it. */
const EXIT = { stopped: 0, notDrained: 1, unavailable: 69, software: 70, temporary: 75, config: 78 }

/**
 * The life of a process: configuration, log, health server, `start`, then nothing until SIGTERM,
 * SIGINT or (when supervised) the end of standard input; then everything is closed in reverse order
 * within 8 s. Never returns. Exit codes: 0 stopped, 1 not drained in time, 69 a server is away at
 * the start, 70 a defect (any error that nobody caught), 75 the ledger is held, 78 configuration.
 */
export async function runProcess<S extends ConfigSection>(
  definition: Definition<S>,
): Promise<never> {
  process.title = `chimera-${definition.name}`
  // The one place beside main.ts files that reads it, so that those need not hand it over.
  // oxlint-disable-next-line node/no-process-env
  const env = definition.env ?? process.env
  const config = orExit(() => loadConfig<S | 'base'>([...definition.sections, 'base'], env))
  const base = loadConfig(['base'], env)
  const crash = orExit(() =>
    openCrashPoints({
      spec: base.CHIMERA_CRASH_AT,
      stateDir: base.CHIMERA_STATE_DIR,
      runId: base.CHIMERA_RUN_ID,
      process: base.CONSUMER_NAME ?? definition.name,
    }),
  )
  const log = openLog({
    name: definition.name,
    level: base.LOG_LEVEL,
    secrets: secretsOf(config),
  })
  exitOnDefects(log)
  const stopping = stopRequests({ log, isSupervised: base.CHIMERA_SUPERVISED === '1' })
  const metrics = openMetrics()
  const health = await openHealth({
    host: base.HEALTH_HOST,
    port: base.HEALTH_PORT,
    registry: metrics.registry,
  }).catch((error: unknown) => exitFailed(log, error))
  const stack = new AsyncDisposableStack()
  const consumerName =
    base.CONSUMER_NAME ??
    hostname()
      .replaceAll(/[^\w.-]/g, '-')
      .slice(0, 64)
  const context = {
    name: definition.name,
    consumerName,
    config,
    log,
    stack,
    signal: stopping.signal,
    health,
    metrics,
    crash,
  }
  try {
    await Promise.race([liveUntilReady({ definition, context }), stopping.asked])
  } catch (error) {
    exitFailed(log, error)
  }
  const reason = await stopping.asked
  health.setState('draining')
  log.info({ reason }, 'stopping')
  return drain({ log, stack, health })
}

async function liveUntilReady<S extends ConfigSection>(options: {
  definition: Definition<S>
  context: ProcessContext<S>
}): Promise<void> {
  const { log, health, signal } = options.context
  const facts = (await options.definition.start(options.context)) ?? {}
  if (signal.aborted) return
  health.setState('ready')
  log.info({ ready: true, health: health.url, ...facts }, 'ready')
  // Written at a clean exit only, otherwise; a process that is killed would never fill the cache.
  flushCompileCache()
}

/** Signals, and the end of standard input when a supervisor holds its other end. */
function stopRequests(options: { log: Logger; isSupervised: boolean }): {
  asked: Promise<string>
  signal: AbortSignal
} {
  const controller = new AbortController()
  const { promise: asked, resolve } = Promise.withResolvers<string>()
  const ask = (reason: string): void => {
    // A second request changes nothing: Ctrl-C reaches a process group and its supervisor both.
    if (controller.signal.aborted) return
    resolve(reason)
    controller.abort()
  }
  process.on('SIGTERM', ask)
  process.on('SIGINT', ask)
  process.on('SIGHUP', ask)
  if (options.isSupervised) {
    for (const event of ['end', 'close', 'error']) {
      process.stdin.on(event, () => ask('the supervisor is gone'))
    }
    process.stdin.resume()
  }
  return { asked, signal: controller.signal }
}

async function drain(options: {
  log: Logger
  stack: AsyncDisposableStack
  health: Health
}): Promise<never> {
  const { log } = options
  const late = setTimeout(() => {
    log.error(
      { deadline_ms: DRAIN_MS },
      'not drained in time; what is open is taken up again later',
    )
    process.exit(EXIT.notDrained)
  }, DRAIN_MS)
  try {
    await options.stack.disposeAsync()
    await options.health[Symbol.asyncDispose]()
  } catch (error) {
    exitFailed(log, error)
  }
  clearTimeout(late)
  log.info('stopped')
  return process.exit(EXIT.stopped)
}

/** An error that nobody caught leaves the process in a state that nobody thought of. */
function exitOnDefects(log: Logger): void {
  process.on('uncaughtException', (err, origin) => {
    log.fatal({ err, origin }, 'a defect: the process ends, and a fresh one takes up its work')
    process.exit(EXIT.software)
  })
}

function exitFailed(log: Logger, err: unknown): never {
  log.fatal({ err }, 'the process could not go on')
  process.exit(exitCodeOf(err))
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof ChimeraError)) return EXIT.software
  if (error.code === 'CONFIG_INVALID') return EXIT.config
  if (error.code === 'LEDGER_HELD') return EXIT.temporary
  return error.kind === 'retryable' ? EXIT.unavailable : EXIT.software
}

/** Before there is a log, a fault is for the person at the terminal. */
function orExit<T>(load: () => T): T {
  try {
    return load()
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`${error.message}\n`)
    return process.exit(EXIT.config)
  }
}
