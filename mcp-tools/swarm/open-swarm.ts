import type { IncomingMessage, ServerResponse } from 'node:http'

import { openDoor } from '@chimera/mcp-kit/serving/door'
import { ConfigError } from '@chimera/runtime/config'
import type { ProcessContext } from '@chimera/runtime/run-process'

import { gatewayOf } from './gateway-of.ts'

/**
 * Serves the tools over HTTP; answers the facts of the ready line. What serves them is loaded with
 * the first request, because most machines start this process and never ask it anything. Throws
 * ConfigError.
 */
export async function openSwarm(
  context: ProcessContext<'swarm'>,
): Promise<Readonly<Record<string, unknown>>> {
  const { config, stack, log } = context
  const { SWARM_HOST: host, SWARM_PORT: port, TOOL_TOKEN: mcp } = config
  if (mcp === undefined) {
    throw new ConfigError([{ pointer: 'TOOL_TOKEN', detail: 'is needed to serve over HTTP' }])
  }
  const gateway = gatewayOf(config)
  let loaded: Promise<(request: IncomingMessage, response: ServerResponse) => void> | undefined
  const load = async () => {
    const { createSwarmHandler } = await import('./serve-swarm.ts')
    const handler = createSwarmHandler({ ...context, gateway, mcp })
    stack.defer(async () => handler.close())
    return handler.handle
  }
  const handle = (request: IncomingMessage, response: ServerResponse): void => {
    loaded ??= load()
    loaded.then(
      (serve) => serve(request, response),
      (err: unknown) => {
        log.error({ err }, 'the tools of the swarm could not be loaded')
        response.destroy()
      },
    )
  }
  const door = stack.use(await openDoor({ host, port, handle }))
  return { url: door.url }
}
