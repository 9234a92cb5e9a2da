import path from 'node:path'

import type { ConfigSection } from '@chimera/contracts/config'
import { RetryableError } from '@chimera/contracts/errors'
import { loadConfig } from '@chimera/runtime/config'

import { environmentFor, type Environment } from './process-environment.ts'
import { findFreePort } from './processes/free-port.ts'
import { claimPort } from './processes/port-claim.ts'
import type { ProcessSpec } from './processes/supervised-process.ts'
import { readStackRecord, rememberPort } from './stack-record.ts'
import { checkoutRoot, type StateDirPaths } from './state-dir.ts'

/** What a process is to an operator; `status` lists each kind by itself. */
export type ProcessKind = 'simulated' | 'tool' | 'role'

export type PlannedProcess = Readonly<{ kind: ProcessKind; spec: ProcessSpec }>

/** A tool server of this stack, as the record and `status` name it. */
export type PlannedTool = Readonly<{
  name: string
  account: string
  url: string
  backend: string
  live: boolean
  ledger: string
}>

/** The processes in the order of their start, and where they can be reached. */
export type ProcessPlan = Readonly<{
  processes: readonly PlannedProcess[]
  tools: readonly PlannedTool[]
  simulated: readonly Readonly<{ name: 'x'; process: string; url: string }>[]
  gatewayUrl: string
}>

/** Every role with the sections of the environment that it may know (contracts/config.ts). */
const roles: readonly Readonly<{ name: string; sections: readonly ConfigSection[] }>[] = [
  { name: 'planner', sections: ['base', 'postgres', 'redis', 'roles', 'goals'] },
  { name: 'worker', sections: ['base', 'postgres', 'redis', 'roles', 'worker'] },
  { name: 'judge', sections: ['base', 'postgres', 'redis', 'roles', 'judge'] },
  { name: 'keeper', sections: ['base', 'postgres', 'redis', 'roles', 'keeper'] },
  {
    name: 'gateway',
    sections: ['base', 'postgres', 'redis', 'roles', 'goals', 'gateway', 'stops'],
  },
]

/**
 * Plans all processes of one machine. Ports are taken again from one start to the next when free.
 *
 * @param options.claims - holds what is claimed for as long as the stack runs
 */
export async function planProcesses(options: {
  paths: StateDirPaths
  outer: Environment
  databaseUrl: string
  redisUrl: string
  goalsFromStream: string
  runId: string
  claims: DisposableStack
}): Promise<ProcessPlan> {
  const { paths, outer } = options
  const keepPort = portKeeper(paths.root)
  const context: PlanContext = {
    ...options,
    healthPort: (name) => keepPort(`${name}.health`),
  }
  const backend = outer['TWEET_BACKEND'] === 'x' ? 'x' : 'simulated'
  const simulatedPort = await keepPort('simulated-x')
  const toolPort = await keepPort('tweet')
  const gatewayPort = await claimGatewayPort(options)
  const simulatedUrl = `http://127.0.0.1:${simulatedPort}`
  const account = outer['TOOL_ACCOUNT'] ?? (backend === 'x' ? 'x-live' : 'x-simulated')
  const tool: PlannedTool = {
    name: 'tweet',
    account,
    url: `http://127.0.0.1:${toolPort}`,
    backend,
    live: backend === 'x',
    ledger: paths.ledger('tweet', account),
  }
  const processes = [
    await planSimulatedX(context, simulatedPort),
    await planTweet(context, { tool, port: toolPort, simulatedUrl }),
  ]
  for (const role of roles) processes.push(await planRole(context, role, gatewayPort))
  return {
    processes,
    tools: [tool],
    simulated: [{ name: 'x', process: 'simulated-x', url: simulatedUrl }],
    gatewayUrl: `http://127.0.0.1:${gatewayPort}`,
  }
}

type PlanContext = Readonly<{
  paths: StateDirPaths
  outer: Environment
  databaseUrl: string
  redisUrl: string
  goalsFromStream: string
  runId: string
  healthPort: (name: string) => Promise<number>
}>

async function planSimulatedX(context: PlanContext, port: number): Promise<PlannedProcess> {
  const { paths } = context
  const own = {
    SIMULATED_X_PORT: String(port),
    SIMULATED_X_RECORD: paths.simulatedRecord('x'),
    SIMULATED_X_TOKEN_FILE: paths.keyFiles.simulatedXToken,
  }
  return {
    kind: 'simulated',
    spec: await nodeSpec(context, {
      name: 'simulated-x',
      main: ['mcp-tools', 'tweet', 'simulated-x'],
      sections: ['base', 'simulatedX'],
      own,
    }),
  }
}

async function planTweet(
  context: PlanContext,
  options: { tool: PlannedTool; port: number; simulatedUrl: string },
): Promise<PlannedProcess> {
  const { paths } = context
  const { tool } = options
  const simulated = {
    SIMULATED_X_URL: options.simulatedUrl,
    SIMULATED_X_TOKEN_FILE: paths.keyFiles.simulatedXToken,
  }
  const own = {
    TOOL_ACCOUNT: tool.account,
    TOOL_PORT: String(options.port),
    TOOL_HOST: '127.0.0.1',
    TOOL_LEDGER: tool.ledger,
    GRANTS: 'required',
    GRANT_JWKS_FILE: paths.keyFiles.grantJwks,
    RECEIPT_KEY_FILE: paths.receiptPrivate(tool.name),
    TOOL_TOKEN_FILE: paths.keyFiles.mcpToken,
    TOOL_CONTROL_TOKEN_FILE: paths.keyFiles.controlToken,
    TOOL_STOP_TOKEN_FILE: paths.keyFiles.stopToken,
    TWEET_BACKEND: tool.backend,
    ...(tool.live ? {} : simulated),
  }
  return {
    kind: 'tool',
    spec: await nodeSpec(context, {
      name: tool.name,
      main: ['mcp-tools', 'tweet'],
      sections: ['base', 'toolServer', 'tweet'],
      own,
    }),
  }
}

async function planRole(
  context: PlanContext,
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
    },
  }
  return {
    kind: 'role',
    spec: await nodeSpec(context, {
      name: role.name,
      main: ['roles', role.name],
      sections: role.sections,
      own: {
        DATABASE_URL: context.databaseUrl,
        REDIS_URL: context.redisUrl,
        ...values[role.name],
      },
    }),
  }
}

async function nodeSpec(
  context: PlanContext,
  options: {
    name: string
    main: readonly string[]
    sections: readonly ConfigSection[]
    own: Readonly<Record<string, string>>
  },
): Promise<ProcessSpec> {
  const { name } = options
  const port = await context.healthPort(name)
  return {
    name,
    command: process.execPath,
    // A small young generation costs no speed here and keeps a role under 150 MB (toolchain.md 8).
    args: ['--max-semi-space-size=4', path.join(checkoutRoot(), ...options.main, 'main.ts')],
    cwd: checkoutRoot(),
    env: environmentFor({
      sections: options.sections,
      outer: context.outer,
      own: {
        ...options.own,
        CHIMERA_STATE_DIR: context.paths.root,
        CHIMERA_SUPERVISED: '1',
        CHIMERA_RUN_ID: context.runId,
        CONSUMER_NAME: `${name}-1`,
        HEALTH_PORT: String(port),
      },
    }),
    readiness: { kind: 'http', url: `http://127.0.0.1:${port}/readyz` },
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

/** Gives each name a port of its own: the remembered one, else any free one. */
function portKeeper(root: string): (name: string) => Promise<number> {
  const taken = new Set<number>()
  return async (name) => {
    const known = readStackRecord(root).ports[name]
    let port = await findFreePort(known === undefined || taken.has(known) ? [] : [known])
    while (taken.has(port)) port = await findFreePort()
    taken.add(port)
    rememberPort(root, name, port)
    return port
  }
}
