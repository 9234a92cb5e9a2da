import type { DatabaseSync } from 'node:sqlite'

import { ConfigError } from '@chimera/runtime/config'
import type { ProcessContext } from '@chimera/runtime/run-process'

import { openLedger, type Ledger } from './ledger/ledger.ts'
import type { Backend } from './protocol/effect-tool.ts'
import { openGrantKeys } from './protocol/grant-keys.ts'
import { openReceipts } from './protocol/receipts.ts'
import type { Reconciler } from './protocol/reconcile.ts'
import type { Rules } from './protocol/rules.ts'
import type { ServedTool } from './serving/define-tool.ts'
import { isLoopback, serveHttp } from './serving/serve-http.ts'
import { createToolServer, type ToolServer } from './tool-server.ts'

/** sysexits.h EX_SOFTWARE, as `run-process` ends on a defect. */
const EXIT_DEFECT = 70

/** What makes one kind of tool server out of the kit. */
export type ToolKind = Readonly<{
  name: string
  backend: Backend
  reconciler: Reconciler
  tools: (ledger: Ledger) => readonly ServedTool[]
  /** The protocol's rules, where a test composes a server without one of them. */
  rules?: Rules
  /** The same for the lock of the ledger. */
  openDatabase?: (path: string) => DatabaseSync
}>

/**
 * Opens the ledger of the account (exit 75 when it is held), composes the protocol and serves it
 * over HTTP. Answers the facts of the ready line. Throws ConfigError for a configuration that opens
 * a door.
 */
export async function openToolProcess(
  context: ProcessContext<'toolServer'>,
  kind: ToolKind,
): Promise<Readonly<Record<string, unknown>>> {
  const { config, stack, log } = context
  const tokens = tokensOf(config)
  const server = openToolServer(context, kind)
  const http = await serveHttp({
    server,
    host: config.TOOL_HOST,
    port: config.TOOL_PORT,
    tokens,
    log,
  })
  stack.use(http)
  const { account, backend, grants, ledger } = server.control.status()
  return { url: http.url, account, backend, grants, ledger_id: ledger.id, boot: ledger.boot }
}

/** What a server is composed from, whatever starts it. */
export type ToolContext = Pick<ProcessContext<'toolServer'>, 'config' | 'stack' | 'log' | 'crash'>

/** The server without a way in. What it opens is closed with the stack. */
export function openToolServer(context: ToolContext, kind: ToolKind): ToolServer {
  const { config, stack, log, crash } = context
  const { TOOL_ACCOUNT: account, GRANT_JWKS_FILE: jwksFile } = config
  if (config.GRANTS === 'required' && jwksFile === undefined) {
    throw missing('GRANT_JWKS_FILE', 'is needed with GRANTS=required')
  }
  const { name, backend, reconciler, rules, openDatabase } = kind
  const ledger = stack.use(
    openLedger({
      path: config.TOOL_LEDGER,
      account,
      ...(openDatabase === undefined ? {} : { openDatabase }),
    }),
  )
  const keys =
    config.GRANTS === 'off' || jwksFile === undefined
      ? undefined
      : openGrantKeys({
          file: jwksFile,
          onFault: (err) => log.error({ err, file: jwksFile }, 'no keys: nothing is granted'),
        })
  const sign = openReceipts({
    key: config.RECEIPT_KEY,
    ledger: { id: ledger.id, boot: ledger.boot, account },
    now: ledger.now,
  })
  return stack.use(
    createToolServer({
      name,
      account,
      backend,
      tools: kind.tools(ledger),
      ledger,
      keys,
      sign,
      reconciler,
      log,
      crash,
      ...(rules === undefined ? {} : { rules }),
      fail: (err) => {
        log.fatal({ err }, 'an outcome could not be written; the next start asks the provider')
        process.exit(EXIT_DEFECT)
      },
    }),
  )
}

function tokensOf(config: ProcessContext<'toolServer'>['config']) {
  const { TOOL_TOKEN: mcp, TOOL_CONTROL_TOKEN: control, TOOL_STOP_TOKEN: stop } = config
  if (config.GRANTS === 'off' && !isLoopback(config.TOOL_HOST)) {
    throw missing('GRANTS', 'may be off on stdio or loopback only')
  }
  if (mcp === undefined) throw missing('TOOL_TOKEN', 'is needed to serve over HTTP')
  if (control === undefined) throw missing('TOOL_CONTROL_TOKEN', 'is needed to serve over HTTP')
  return { mcp, control, stop }
}

function missing(pointer: string, detail: string): ConfigError {
  return new ConfigError([{ pointer, detail }])
}
