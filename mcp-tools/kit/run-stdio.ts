import { PassThrough } from 'node:stream'

import type { Config } from '@chimera/contracts/config'
import { ChimeraError } from '@chimera/contracts/errors'
import { ConfigError, loadConfig } from '@chimera/runtime/config'
import { openCrashPoints, type Crash } from '@chimera/runtime/crash-point'
import { openLog } from '@chimera/runtime/log'
import { secretsOf } from '@chimera/runtime/redaction'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'

import { holdOrJoin } from './bridge/hold-or-join.ts'
import { meetBridges } from './bridge/meet-bridges.ts'
import { createRelay, type Relay } from './bridge/relay.ts'
import { socketPathsOf } from './bridge/socket-paths.ts'
import {
  openClients,
  openToolServer,
  PATIENCE_MS,
  type ToolContext,
  type ToolKind,
} from './open-tool-process.ts'
import { createHttpHandler } from './serving/http-handler.ts'
import { createServerFactory } from './serving/mcp-factory.ts'

/** The configuration of a tool server; its own section comes on top. */
type ToolConfig = Config<'base' | 'toolServer'>

/** A client that has closed its end waits a moment for the process, not for ever. */
const DRAIN_MS = 8_000
/** sysexits.h where it has a word for it, as in `run-process`. */
const EXIT = { stopped: 0, notDrained: 1, software: 70, held: 75, config: 78 }

/**
 * The life of a tool server that an outside MCP client has started: the protocol on standard input
 * and output, the log on standard error, no health port; it ends when the client closes its end.
 * Where another process holds the ledger it is a bridge to that one, and takes over when it dies.
 * Not `run-process`, whose log is standard output. Never returns. Exit codes: 0, 1 not drained, 70
 * a defect, 75 the ledger is held by a process that does not answer, 78 configuration.
 */
export async function runStdio(options: {
  name: string
  env: Readonly<Record<string, string | undefined>>
  open: (given: { config: ToolConfig; crash: Crash }) => ToolKind
}): Promise<never> {
  const { name, env } = options
  let log: ReturnType<typeof openLog> | undefined
  try {
    const config = loadConfig(['base', 'toolServer'], env)
    const crash = openCrashPoints({
      spec: config.CHIMERA_CRASH_AT,
      stateDir: config.CHIMERA_STATE_DIR,
      runId: config.CHIMERA_RUN_ID,
      process: name,
    })
    log = openLog({
      name,
      level: config.LOG_LEVEL,
      secrets: secretsOf(config),
      destination: process.stderr,
    })
    if (config.GRANTS === 'required') {
      throw new ConfigError([
        { pointer: 'GRANTS', detail: 'has to be off on stdio: no hello comes this way' },
      ])
    }
    const stack = new AsyncDisposableStack()
    const relay = createRelay({ input: process.stdin, output: process.stdout })
    const context = { config, stack, log, crash, kind: options.open({ config, crash }) }
    const stopped = Promise.race([relay.ended, stopRequested()])
    await Promise.race([serveRelay(relay, context), stopped])
    setTimeout(() => process.exit(EXIT.notDrained), DRAIN_MS).unref()
    await stack.disposeAsync()
    return process.exit(EXIT.stopped)
  } catch (err) {
    if (log === undefined) process.stderr.write(`${String(err)}\n`)
    else log.fatal({ err }, 'the process could not go on')
    return process.exit(exitCodeOf(err))
  }
}

/** As a bridge for as long as another process holds the ledger, then as its holder. */
async function serveRelay(relay: Relay, context: ToolContext & { kind: ToolKind }): Promise<void> {
  const { config, stack, log } = context
  const { TOOL_ACCOUNT: account, TOOL_TOKEN: mcp, TOOL_CONTROL_TOKEN: control } = config
  const paths = socketPathsOf({ account, ledger: config.TOOL_LEDGER })
  for (;;) {
    const place = await holdOrJoin({
      open: () => openToolServer(context, context.kind),
      socketPath: paths.mcp,
      // Whether a call needs a grant is the holder's to say.
      mayJoin: (holder) => holder.account === account,
      patienceMs: PATIENCE_MS,
    })
    if (place.kind === 'bridge') {
      const { socket } = place
      log.info({ ready: true, account, bridge: true }, 'ready on stdio, as a bridge')
      await relay.attach({ readable: socket, writable: socket })
      socket.destroy()
      continue
    }
    const { server } = place
    const isOpenToHttp = mcp !== undefined && control !== undefined
    const tokens = { mcp: mcp ?? '', control, stop: config.TOOL_STOP_TOKEN }
    const http = isOpenToHttp
      ? createHttpHandler({
          server,
          host: 'localhost',
          tokens,
          clients: openClients(context, context.kind.name),
          log,
        })
      : undefined
    stack.use(await meetBridges({ server, paths, http, log }))
    const [toServer, toClient] = [new PassThrough(), new PassThrough()]
    const serving = serveStdio(createServerFactory(server), {
      transport: new StdioServerTransport(toServer, toClient),
      maxSubscriptions: 0,
      onerror: (err) => log.warn({ err }, 'an MCP message was refused'),
    })
    stack.defer(async () => serving.close())
    log.info({ ready: true, account }, 'ready on stdio')
    return relay.attach({ readable: toClient, writable: toServer })
  }
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
