/** The swarm's own tools as a process, before a gateway in this process with a real record. */
import { join } from 'node:path'

import { openGatewayRig } from '../../integration/gateway-rig.ts'
import type { ServedServer } from '../../integration/served-server.ts'
import { startProcess } from '../../integration/tool-process.ts'
import { CHECKOUT } from '../../source-tree.ts'

const TOKEN = 'token-of-the-swarm-in-tests'

export async function openServedSwarm(): Promise<Omit<ServedServer, 'stateDir' | 'effects'>> {
  await using opening = new AsyncDisposableStack()
  const gateway = opening.use(await openGatewayRig())
  const main = join('mcp-tools', 'swarm', 'main.ts')
  const env = { CHIMERA_GATEWAY_URL: gateway.url, CHIMERA_TOKEN: gateway.token }
  const swarm = opening.use(startProcess(main, { ...env, TOOL_TOKEN: TOKEN, HEALTH_PORT: '0' }))
  const { url } = await swarm.ready
  const open = opening.move()
  return {
    url: `${String(url)}/mcp`,
    token: TOKEN,
    onStdio: { args: [join(CHECKOUT, main), '--stdio'], env },
    isAlive: () => swarm.child.exitCode === null && swarm.child.signalCode === null,
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}
