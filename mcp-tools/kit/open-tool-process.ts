import type { DatabaseSync } from 'node:sqlite'

import { ConfigError } from '@chimera/runtime/config'
import { addGauges } from '@chimera/runtime/gauges'
import type { ProcessContext } from '@chimera/runtime/run-process'

import { forwardHttp } from './bridge/forward-http.ts'
import { holdOrJoin, type Place } from './bridge/hold-or-join.ts'
import { meetBridges } from './bridge/meet-bridges.ts'
import { socketPathsOf } from './bridge/socket-paths.ts'
import { ledgerGauges } from './ledger/ledger-gauges.ts'
import { openLedger, type Ledger } from './ledger/ledger.ts'
import type { Clock } from './ledger/steady-clock.ts'
import type { Backend } from './protocol/effect-tool.ts'
import { openGrantKeys } from './protocol/grant-keys.ts'
import { openReceipts } from './protocol/receipts.ts'
import type { Reconciler } from './protocol/reconcile.ts'
import type { Rules } from './protocol/rules.ts'
import { openClientTokens, type ClientTokens } from './serving/client-tokens.ts'
import type { ServedTool } from './serving/define-tool.ts'
import { openDoor } from './serving/door.ts'
import { createHttpHandler, isLoopback, type HttpTokens } from './serving/http-handler.ts'
import { createToolServer, type ToolServer } from './tool-server.ts'

/** sysexits.h EX_SOFTWARE and EX_TEMPFAIL, as `run-process` ends. */
const EXIT_DEFECT = 70
const EXIT_HELD = 75

/** A holder that ends drains for up to 8 s before its lock is free. */
export const PATIENCE_MS = 12_000
/** A supervisor asks again. */
const START_PATIENCE_MS = 3_000

/** What makes one kind of tool server out of the kit. */
export type ToolKind = Readonly<{
  name: string
  backend: Backend
  reconciler: Reconciler
  tools: (ledger: Ledger) => readonly ServedTool[]
  /** The protocol's rules, where a test composes a server without one of them. */
  rules?: Rules
  /** The same for the lock of the ledger, and for its clocks. */
  openDatabase?: (path: string) => DatabaseSync
  clock?: Clock
}>

/**
 * Opens the ledger of the account, composes the protocol and serves it over HTTP; where another
 * process holds the ledger, hands every request to that one, and takes over when it dies. Answers
 * the facts of the ready line. Throws ConfigError for a configuration that opens a door, and
 * LEDGER_HELD (exit 75) when the ledger is held by a process that cannot be reached, or that acts
 * under another rule of grants.
 */
export async function openToolProcess(
  context: ProcessContext<'toolServer'>,
  kind: ToolKind,
): Promise<Readonly<Record<string, unknown>>> {
  const { config, stack, log } = context
  const { TOOL_ACCOUNT: account, TOOL_HOST: host, TOOL_PORT: port } = config
  const tokens = tokensOf(config)
  const paths = socketPathsOf({ account, ledger: config.TOOL_LEDGER })
  const forward = forwardHttp(paths.http)
  let handle = forward
  const take = async (patienceMs: number): Promise<Place> => {
    const place = await holdOrJoin({
      open: () => openToolServer(context, kind),
      socketPath: paths.mcp,
      mayJoin: (holder) =>
        holder.account === account && holder.http && holder.grants === config.GRANTS,
      patienceMs,
    })
    if (place.kind === 'bridge') {
      stack.defer(() => void place.socket.destroy())
      return place
    }
    const { server } = place
    const clients = openClients(context, kind.name)
    const handler = createHttpHandler({ server, host, tokens, clients, log })
    stack.defer(async () => handler.close())
    stack.use(await meetBridges({ server, paths, http: handler, log }))
    stack.defer(() => void (handle = forward))
    handle = handler.handle
    return place
  }
  const place = await take(START_PATIENCE_MS)
  const door = await openDoor({ host, port, handle: (...given) => handle(...given) })
  stack.use(door)
  if (place.kind === 'bridge') {
    takeOver({ place, take, context })
    const { ledger_id: ledgerId, grants } = place.greeting
    return { url: door.url, account, grants, ledger_id: ledgerId, bridge: true }
  }
  const { backend, grants, ledger } = place.server.control.status()
  return { url: door.url, account, backend, grants, ledger_id: ledger.id, boot: ledger.boot }
}

/** Waits for the holder's death, again and again until this process is the holder. */
function takeOver(given: {
  place: Extract<Place, { kind: 'bridge' }>
  take: (patienceMs: number) => Promise<Place>
  context: ProcessContext<'toolServer'>
}): void {
  const { log, signal } = given.context
  const live = async (): Promise<void> => {
    let place: Place = given.place
    while (place.kind === 'bridge') {
      const { socket } = place
      log.info({ ledger_id: place.greeting.ledger_id }, 'a bridge to the holder of the ledger')
      const gone = Promise.withResolvers<void>()
      socket.once('close', () => gone.resolve()).resume()
      await gone.promise
      if (signal.aborted) return
      place = await given.take(PATIENCE_MS)
    }
    log.warn({ boot: place.server.control.status().ledger.boot }, 'took the ledger over')
  }
  live().catch((err: unknown) => {
    if (signal.aborted) return
    log.fatal({ err }, 'neither the ledger nor its holder can be had')
    process.exit(EXIT_HELD)
  })
}

/** What a server is composed from, whatever starts it. */
export type ToolContext = Pick<ProcessContext<'toolServer'>, 'config' | 'stack' | 'log' | 'crash'> &
  Partial<Pick<ProcessContext<'toolServer'>, 'metrics'>>

/** The server without a way in. What it opens is closed with the stack. */
export function openToolServer(context: ToolContext, kind: ToolKind): ToolServer {
  const { config, stack, log, crash, metrics } = context
  const { TOOL_ACCOUNT: account, GRANT_JWKS_FILE: jwksFile } = config
  if (config.GRANTS === 'required' && jwksFile === undefined) {
    throw missing('GRANT_JWKS_FILE', 'is needed with GRANTS=required')
  }
  const { name, backend, reconciler, rules, openDatabase, clock } = kind
  const ledger = stack.use(
    openLedger({
      path: config.TOOL_LEDGER,
      account,
      onWritable: (err) => {
        if (err === undefined) log.warn({ account }, 'the ledger can be written again')
        else log.error({ err, account, alarm: true }, 'the ledger cannot be written: closed')
      },
      ...(openDatabase === undefined ? {} : { openDatabase }),
      ...(clock === undefined ? {} : { clock }),
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
    account,
    ledger,
  })
  const server = stack.use(
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
      ...(metrics === undefined ? {} : { count: (call) => metrics.toolCalls.inc(call) }),
      fail: (err) => {
        log.fatal({ err }, 'an outcome could not be written; the next start asks the provider')
        process.exit(EXIT_DEFECT)
      },
    }),
  )
  if (metrics !== undefined) {
    const { status } = server.control
    addGauges(metrics.registry, ledgerGauges({ ledger, state: () => status().state }))
  }
  return server
}

/** The tokens of MCP clients that are for this server, by its name or by its account. */
export function openClients(
  { config, log }: Pick<ToolContext, 'config' | 'log'>,
  name: string,
): ClientTokens | undefined {
  const { TOOL_CLIENTS_FILE: file, TOOL_ACCOUNT: account } = config
  if (file === undefined) return undefined
  return openClientTokens({
    file,
    audience: [name, account],
    now: Date.now,
    onFault: (err) => log.error({ err, file }, 'no MCP client is let in: the file is not readable'),
  })
}

function tokensOf(config: ProcessContext<'toolServer'>['config']): HttpTokens {
  const { TOOL_TOKEN: mcp, TOOL_CONTROL_TOKEN: control, TOOL_STOP_TOKEN: stop } = config
  // Without it nobody lowers a kill level.
  const { TOOL_KILL_TOKEN: kill } = config
  if (config.GRANTS === 'off' && !isLoopback(config.TOOL_HOST)) {
    throw missing('GRANTS', 'may be off on stdio or loopback only')
  }
  if (mcp === undefined) throw missing('TOOL_TOKEN', 'is needed to serve over HTTP')
  if (control === undefined) throw missing('TOOL_CONTROL_TOKEN', 'is needed to serve over HTTP')
  return { mcp, control, stop, kill }
}

function missing(pointer: string, detail: string): ConfigError {
  return new ConfigError([{ pointer, detail }])
}
