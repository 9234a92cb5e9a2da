import { liveOnStdio, serveOnRelay } from '@chimera/mcp-kit/live-on-stdio'
import { openClientTokens } from '@chimera/mcp-kit/serving/client-tokens'
import { createForwardingServer } from '@chimera/mcp-kit/serving/forwarding-server'
import { createHttpHandler, type HttpHandler } from '@chimera/mcp-kit/serving/http-handler'
import type { ProcessContext } from '@chimera/runtime/run-process'

import type { GatewayApi } from './gateway-api.ts'
import { gatewayOf } from './gateway-of.ts'
import { swarmTools } from './swarm-tools.ts'

const NAME = 'swarm'

/** Answers MCP requests with bearer tokens: the operator's own, and those of MCP clients. */
export function createSwarmHandler(
  of: Pick<ProcessContext<'swarm'>, 'config' | 'log' | 'metrics'> &
    Readonly<{ gateway: GatewayApi; mcp: string }>,
): HttpHandler {
  const { config, log, metrics, gateway, mcp } = of
  const { SWARM_HOST: host, TOOL_CLIENTS_FILE: file } = config
  const onFault = (err: unknown): void =>
    log.error({ err, file }, 'no MCP client is let in: the file is not readable')
  return createHttpHandler({
    server: createForwardingServer({
      name: NAME,
      tools: swarmTools(gateway),
      log,
      count: (call) => metrics.toolCalls.inc(call),
    }),
    host,
    tokens: { mcp, control: undefined, stop: undefined },
    clients:
      file === undefined
        ? undefined
        : openClientTokens({ file, audience: [NAME], now: Date.now, onFault }),
    log,
  })
}

/** The same for whoever has started this process: on standard input and output. Never returns. */
export async function runSwarmOnStdio(
  env: Readonly<Record<string, string | undefined>>,
): Promise<never> {
  return liveOnStdio({
    name: NAME,
    env,
    sections: ['swarm'],
    serve: async (context) => {
      const { log } = context
      const tools = swarmTools(gatewayOf(context.config))
      const server = createForwardingServer({ name: NAME, tools, log })
      log.info({ ready: true }, 'ready on stdio')
      return serveOnRelay({ ...context, server })
    },
  })
}
