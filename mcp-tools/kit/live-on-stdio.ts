import { PassThrough } from 'node:stream'

import type { Config, ConfigSection } from '@chimera/contracts/config'
import { ChimeraError } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'
import { openCrashPoints, type Crash } from '@chimera/runtime/crash-point'
import { openLog } from '@chimera/runtime/log'
import { secretsOf } from '@chimera/runtime/redaction'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'

import { createRelay, type Relay } from './bridge/relay.ts'
import type { ServedTools } from './serving/http-handler.ts'
import { createServerFactory } from './serving/mcp-factory.ts'

/** A client that has closed its end waits a moment for the process, not for ever. */
const DRAIN_MS = 8_000
/** sysexits.h where it has a word for it, as in `run-process`. */
const EXIT = { stopped: 0, notDrained: 1, software: 70, held: 75, config: 78 }

/** What a process on standard input and output is given. */
export type StdioContext<S extends ConfigSection> = Readonly<{
  config: Config<S | 'base'>
  /** Closed in reverse order when the process stops. */
  stack: AsyncDisposableStack
  log: ReturnType<typeof openLog>
  crash: Crash
  relay: Relay
}>

/**
 * The life of a process that an outside MCP client has started: the protocol on standard input and
 * output, the log on standard error, no health port; it ends when the client closes its end. Not
 * `run-process`, whose log is standard output. Never returns. Exit codes: 0, 1 not drained, 70 a
 * defect, 75 what it needs is held by another process, 78 configuration.
 */
export async function liveOnStdio<S extends ConfigSection>(of: {
  name: string
  env: Readonly<Record<string, string | undefined>>
  sections: readonly S[]
  /** Ends with the client, or never. */
  serve: (context: StdioContext<S>) => Promise<void>
}): Promise<never> {
  const { name, env } = of
  let log: ReturnType<typeof openLog> | undefined
  try {
    const base = loadConfig(['base'], env)
    const config = loadConfig<S | 'base'>([...of.sections, 'base'], env)
    const crash = openCrashPoints({
      spec: base.CHIMERA_CRASH_AT,
      stateDir: base.CHIMERA_STATE_DIR,
      runId: base.CHIMERA_RUN_ID,
      process: name,
    })
    log = openLog({
      name,
      level: base.LOG_LEVEL,
      secrets: secretsOf(config),
      destination: process.stderr,
    })
    const stack = new AsyncDisposableStack()
    const relay = createRelay({ input: process.stdin, output: process.stdout })
    const stopped = Promise.race([relay.ended, stopRequested()])
    await Promise.race([of.serve({ config, stack, log, crash, relay }), stopped])
    setTimeout(() => process.exit(EXIT.notDrained), DRAIN_MS).unref()
    await stack.disposeAsync()
    return process.exit(EXIT.stopped)
  } catch (err) {
    if (log === undefined) process.stderr.write(`${String(err)}\n`)
    else log.fatal({ err }, 'the process could not go on')
    return process.exit(exitCodeOf(err))
  }
}

/** Serves tools to whoever is at the other end, until it is gone. */
export async function serveOnRelay(of: {
  server: ServedTools
  relay: Relay
  stack: AsyncDisposableStack
  log: ReturnType<typeof openLog>
}): Promise<void> {
  const [toServer, toClient] = [new PassThrough(), new PassThrough()]
  const serving = serveStdio(createServerFactory(of.server), {
    transport: new StdioServerTransport(toServer, toClient),
    maxSubscriptions: 0,
    onerror: (err) => of.log.warn({ err }, 'an MCP message was refused'),
  })
  of.stack.defer(async () => serving.close())
  return of.relay.attach({ readable: toClient, writable: toServer })
}

async function stopRequested(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => resolve())
  return promise
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof ChimeraError)) return EXIT.software
  if (error.code === 'CONFIG_INVALID') return EXIT.config
  return error.code === 'LEDGER_HELD' ? EXIT.held : EXIT.software
}
