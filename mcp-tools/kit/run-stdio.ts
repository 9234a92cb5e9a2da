import type { Config } from '@chimera/contracts/config'
import { TerminalError } from '@chimera/contracts/errors'
import { ConfigError } from '@chimera/runtime/config'
import type { Crash } from '@chimera/runtime/crash-point'

import { holdOrJoin } from './bridge/hold-or-join.ts'
import { meetBridges } from './bridge/meet-bridges.ts'
import type { Relay } from './bridge/relay.ts'
import { socketPathsOf } from './bridge/socket-paths.ts'
import { liveOnStdio, serveOnRelay } from './live-on-stdio.ts'
import {
  openClients,
  openToolServer,
  PATIENCE_MS,
  type ToolContext,
  type ToolKind,
} from './open-tool-process.ts'
import { createHttpHandler } from './serving/http-handler.ts'

/** A stack that stops and starts is back within a minute; one that does not is gone. */
const GUEST_PATIENCE_MS = 60_000

/** The configuration of a tool server; its own section comes on top. */
type ToolConfig = Config<'base' | 'toolServer'>

/**
 * The life of a tool server that an outside MCP client has started (`live-on-stdio.ts`). Where
 * another process holds the ledger it is a bridge to that one, and takes over when it dies; 75 when
 * that process does not answer. Never returns.
 */
export async function runStdio(options: {
  name: string
  env: Readonly<Record<string, string | undefined>>
  open: (given: { config: ToolConfig; crash: Crash }) => ToolKind
}): Promise<never> {
  return liveOnStdio({
    name: options.name,
    env: options.env,
    sections: ['toolServer'],
    serve: async (context) => {
      if (context.config.GRANTS === 'required') {
        throw new ConfigError([
          { pointer: 'GRANTS', detail: 'has to be off on stdio: no hello comes this way' },
        ])
      }
      return serveRelay(context.relay, { ...context, kind: options.open(context) })
    },
  })
}

/** As a bridge for as long as another process holds the ledger, then as its holder. */
async function serveRelay(relay: Relay, context: ToolContext & { kind: ToolKind }): Promise<void> {
  const { config, stack, log } = context
  const { TOOL_ACCOUNT: account, TOOL_TOKEN: mcp, TOOL_CONTROL_TOKEN: control } = config
  const paths = socketPathsOf({ account, ledger: config.TOOL_LEDGER })
  let isGuest = config.TOOL_JOIN_ONLY === '1'
  for (;;) {
    const place = await holdOrJoin({
      open: () => {
        if (isGuest) throw new TerminalError('LEDGER_HELD', 'The ledger is for another process.')
        return openToolServer(context, context.kind)
      },
      socketPath: paths.mcp,
      // Whether a call needs a grant is the holder's to say.
      mayJoin: (holder) => holder.account === account,
      patienceMs: isGuest ? GUEST_PATIENCE_MS : PATIENCE_MS,
    })
    if (place.kind === 'bridge') {
      // A server that wants grants is a swarm's, and its supervisor is about to start it again.
      isGuest ||= place.greeting.grants === 'required'
      const { socket } = place
      log.info({ ready: true, account, bridge: true }, 'ready on stdio, as a bridge')
      await relay.attach({ readable: socket, writable: socket })
      socket.destroy()
      continue
    }
    const { server } = place
    const isOpenToHttp = mcp !== undefined && control !== undefined
    const { TOOL_STOP_TOKEN: stop, TOOL_KILL_TOKEN: kill } = config
    const tokens = { mcp: mcp ?? '', control, stop, kill }
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
    log.info({ ready: true, account }, 'ready on stdio')
    return serveOnRelay({ server, relay, stack, log })
  }
}
