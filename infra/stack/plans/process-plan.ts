import type { ConfigSection } from '@chimera/contracts/config'
import { RetryableError } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'

import type { Environment } from '../process-environment.ts'
import { claimPort } from '../processes/port-claim.ts'
import { readStackRecord, rememberPort } from '../stack-record.ts'
import type { StateDirPaths } from '../state-dir.ts'
import { planSwarm } from './swarm-plan.ts'
import {
  nodeSpec,
  YOUNG_MIB,
  planToolServers,
  type PlanContext,
  type PlannedProcess,
  type ToolServersPlan,
} from './tool-plan.ts'
import { planTrading } from './trading-plan.ts'
import { planWallet } from './wallet-plan.ts'

/** The processes in the order of their start, and where they can be reached. */
export type ProcessPlan = ToolServersPlan & Readonly<{ gatewayUrl: string; swarmUrl?: string }>

/** Every role with the sections of the environment that it may know (contracts/config.ts). */
const roles: readonly Readonly<{ name: string; sections: readonly ConfigSection[] }>[] = [
  { name: 'planner', sections: ['base', 'postgres', 'redis', 'roles', 'goals', 'llm', 'memory'] },
  { name: 'worker', sections: ['base', 'postgres', 'redis', 'roles', 'worker', 'llm', 'memory'] },
  { name: 'judge', sections: ['base', 'postgres', 'redis', 'roles', 'judge', 'llm'] },
  { name: 'keeper', sections: ['base', 'postgres', 'redis', 'roles', 'keeper', 'memory'] },
  {
    name: 'gateway',
    sections: ['base', 'postgres', 'redis', 'roles', 'goals', 'gateway', 'stops', 'memory'],
  },
]

/** Roles that have hundreds of tasks in hand at once. */
const BATCHING: ReadonlySet<string> = new Set(['planner', 'worker', 'judge'])

/**
 * Plans all processes of one machine. Ports are taken again from one start to the next when free.
 *
 * @param options.claims - holds what is claimed for as long as the stack runs
 */
export async function planProcesses(options: {
  paths: StateDirPaths
  outer: Environment
  redisUrl: string
  goalsFromStream: string
  /** The stack's own, where it has one. */
  weaviate: OwnWeaviate | undefined
  runId: string
  claims: DisposableStack
}): Promise<ProcessPlan> {
  const { paths } = options
  const context: RoleContext = { ...options, keepPort: portKeeper(paths.root, options.claims) }
  const { processes, tools, simulated } = await planTools(context)
  const gatewayPort = await claimGatewayPort(options)
  const planned = [...processes]
  // One after another: two that ask for a port at once could be given the same.
  for (const role of roles) planned.push(await planRole(context, role, gatewayPort))
  const gatewayUrl = `http://127.0.0.1:${gatewayPort}`
  const plan = { processes: planned, tools, simulated, gatewayUrl }
  if (loadConfig(['swarm'], options.outer).SWARM_TOOLS === 'off') return plan
  const swarm = await planSwarm(context, gatewayUrl)
  planned.push(swarm.process)
  return { ...plan, swarmUrl: swarm.url }
}

/** Plans every tool server of this machine, and the simulated providers behind them. */
export async function planTools(context: PlanContext): Promise<ToolServersPlan> {
  const plans = [
    await planToolServers(context),
    await planWallet(context),
    await planTrading(context),
  ]
  return {
    processes: plans.flatMap((each) => each.processes),
    tools: plans.flatMap((each) => each.tools),
    simulated: plans.flatMap((each) => each.simulated),
  }
}

type OwnWeaviate = Readonly<{ url: string; grpcUrl: string }>
type RoleContext = PlanContext &
  Readonly<{ redisUrl: string; goalsFromStream: string; weaviate: OwnWeaviate | undefined }>

async function planRole(
  context: RoleContext,
  role: (typeof roles)[number],
  gatewayPort: number,
): Promise<PlannedProcess> {
  const { paths } = context
  const values: Record<string, Record<string, string>> = {
    planner: { GOALS_FROM_STREAM: context.goalsFromStream },
    worker: { TOOL_TOKEN_FILE: paths.keyFiles.mcpToken },
    judge: {
      JUDGE_KEY_FILE: paths.keyFiles.grantPrivate,
      RECEIPT_JWKS_FILE: paths.keyFiles.receiptJwks,
    },
    keeper: { TOOL_CONTROL_TOKEN_FILE: paths.keyFiles.controlToken },
    gateway: {
      GOALS_FROM_STREAM: context.goalsFromStream,
      GATEWAY_PORT: String(gatewayPort),
      GATEWAY_HOST: '127.0.0.1',
      TOOL_CONTROL_TOKEN_FILE: paths.keyFiles.controlToken,
      TOOL_KILL_TOKEN_FILE: paths.keyFiles.killToken,
    },
  }
  return {
    kind: 'role',
    spec: await nodeSpec(context, {
      name: role.name,
      main: ['roles', role.name],
      sections: role.sections,
      youngMib: BATCHING.has(role.name) ? YOUNG_MIB.batches : YOUNG_MIB.small,
      own: {
        // A login of its own, not the owner's, by which it could see every tenant.
        DATABASE_URL_FILE:
          role.name === 'gateway'
            ? paths.keyFiles.gatewayDatabaseUrl
            : paths.keyFiles.swarmDatabaseUrl,
        REDIS_URL: context.redisUrl,
        ...(role.sections.includes('memory') ? ownMemory(context) : {}),
        ...values[role.name],
      },
    }),
  }
}

/** Nothing where memories are in PostgreSQL, or in a Weaviate that the operator names. */
function ownMemory({ weaviate, paths }: RoleContext): Record<string, string> {
  if (weaviate === undefined) return {}
  return {
    WEAVIATE_URL: weaviate.url,
    WEAVIATE_GRPC_URL: weaviate.grpcUrl,
    WEAVIATE_API_KEY_FILE: paths.keyFiles.weaviateKey,
  }
}

/**
 * The port that the operator names, and no other; else the one of the last start, 7700, or any.
 *
 * @throws RetryableError `UNAVAILABLE` when the named port is taken
 */
async function claimGatewayPort(options: {
  paths: StateDirPaths
  outer: Environment
  claims: DisposableStack
}): Promise<number> {
  const { root } = options.paths
  const preferred = loadConfig(['gateway'], options.outer).GATEWAY_PORT
  const isNamed = (options.outer['GATEWAY_PORT'] ?? '') !== '' && preferred !== 0
  const known = readStackRecord(root).ports['gateway']
  const { port } = options.claims.use(
    await claimPort(isNamed ? [preferred] : [known, preferred === 0 ? undefined : preferred]),
  )
  if (isNamed && port !== preferred)
    throw new RetryableError(
      'UNAVAILABLE',
      `GATEWAY_PORT ${preferred} is in use. Name another one, or none to get any that is free.`,
    )
  rememberPort(root, 'gateway', port)
  return port
}

/**
 * Gives each name a port of its own: the remembered one, else any free one.
 *
 * @param claims - holds the ports against other stacks for as long as this one runs
 */
export function portKeeper(
  root: string,
  claims: DisposableStack,
): (name: string) => Promise<number> {
  return async (name) => {
    const { port } = claims.use(await claimPort([readStackRecord(root).ports[name]]))
    rememberPort(root, name, port)
    return port
  }
}
