import { nodeSpec, type PlanContext, type PlannedProcess } from './tool-plan.ts'

/** The process by which MCP clients hand goals to this stack, and where it listens. */
export type SwarmPlan = Readonly<{ process: PlannedProcess; url: string }>

/**
 * Plans it. Listed among the roles: it acts for no outside account and has no ledger. It has a
 * token of its own at the gateway, and Workers have none of it, so that no task can set a goal.
 */
export async function planSwarm(context: PlanContext, gatewayUrl: string): Promise<SwarmPlan> {
  const { keyFiles } = context.paths
  const port = await context.keepPort('swarm')
  const spec = await nodeSpec(context, {
    name: 'swarm',
    main: ['mcp-tools', 'swarm'],
    sections: ['base', 'swarm'],
    own: {
      CHIMERA_GATEWAY_URL: gatewayUrl,
      CHIMERA_TOKEN_FILE: keyFiles.swarmGatewayToken,
      SWARM_PORT: String(port),
      SWARM_HOST: '127.0.0.1',
      TOOL_TOKEN_FILE: keyFiles.swarmToken,
      TOOL_CLIENTS_FILE: keyFiles.toolClients,
    },
  })
  return { process: { kind: 'role', spec }, url: `http://127.0.0.1:${port}` }
}
