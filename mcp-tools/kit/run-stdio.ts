import type { Config } from '@chimera/contracts/config'
import { ChimeraError } from '@chimera/contracts/errors'
import { ConfigError, loadConfig } from '@chimera/runtime/config'
import { openCrashPoints, type Crash } from '@chimera/runtime/crash-point'
import { openLog } from '@chimera/runtime/log'
import { secretsOf } from '@chimera/runtime/redaction'
import { serveStdio } from '@modelcontextprotocol/server/stdio'

import { openToolServer, type ToolKind } from './open-tool-process.ts'
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
 * Not `run-process`, whose log is standard output. Never returns. Exit codes: 0, 1 not drained, 70
 * a defect, 75 another process holds the ledger (it becomes a bridge with "Effects hold"), 78
 * configuration.
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
    const kind = options.open({ config, crash })
    const server = openToolServer({ config, stack, log, crash }, kind)
    const closed = clientIsGone()
    const serving = serveStdio(createServerFactory(server), {
      maxSubscriptions: 0,
      onerror: (err) => log?.warn({ err }, 'an MCP message was refused'),
    })
    log.info({ ready: true, account: config.TOOL_ACCOUNT }, 'ready on stdio')
    await closed
    setTimeout(() => process.exit(EXIT.notDrained), DRAIN_MS).unref()
    await serving.close()
    await stack.disposeAsync()
    return process.exit(EXIT.stopped)
  } catch (err) {
    if (log === undefined) process.stderr.write(`${String(err)}\n`)
    else log.fatal({ err }, 'the process could not go on')
    return process.exit(exitCodeOf(err))
  }
}

async function clientIsGone(): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (const event of ['end', 'close', 'error']) process.stdin.on(event, () => resolve())
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => resolve())
  return promise
}

function exitCodeOf(error: unknown): number {
  if (!(error instanceof ChimeraError)) return EXIT.software
  if (error.code === 'CONFIG_INVALID') return EXIT.config
  return error.code === 'LEDGER_HELD' ? EXIT.held : EXIT.software
}
