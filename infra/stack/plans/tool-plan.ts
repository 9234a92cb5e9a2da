import path from 'node:path'

import type { ConfigSection } from '@chimera/contracts/config'

import { environmentFor, type Environment } from '../process-environment.ts'
import type { ProcessSpec } from '../processes/supervised-process.ts'
import { checkoutRoot, type StateDirPaths } from '../state-dir.ts'

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
  /** The simulated provider that it needs, by the name of its process. */
  needs?: string
}>

/** Tool servers and simulated providers, in the order of their start. */
export type ToolServersPlan = Readonly<{
  processes: readonly PlannedProcess[]
  tools: readonly PlannedTool[]
  simulated: readonly Readonly<{ name: 'x' | 'evm' | 'exchange'; process: string; url: string }>[]
}>

/** What every planned process is planned from. */
export type PlanContext = Readonly<{
  paths: StateDirPaths
  outer: Environment
  runId: string
  /** A port for each name. */
  keepPort: (name: string) => Promise<number>
}>

/** Plans the tool servers of one machine and the simulated providers behind them. */
export async function planToolServers(context: PlanContext): Promise<ToolServersPlan> {
  const { paths, outer, keepPort } = context
  const backend = outer['TWEET_BACKEND'] === 'x' ? 'x' : 'simulated'
  const simulatedPort = await keepPort('simulated-x')
  const toolPort = await keepPort('tweet')
  const simulatedUrl = `http://127.0.0.1:${simulatedPort}`
  const account = outer['TOOL_ACCOUNT'] ?? (backend === 'x' ? 'x-live' : 'x-simulated')
  const tool: PlannedTool = {
    name: 'tweet',
    account,
    url: `http://127.0.0.1:${toolPort}`,
    backend,
    live: backend === 'x',
    ledger: paths.ledger('tweet', account),
    ...(backend === 'x' ? {} : { needs: 'simulated-x' }),
  }
  return {
    processes: [
      await planSimulatedX(context, { port: simulatedPort, account }),
      await planTweet(context, { tool, port: toolPort, simulatedUrl }),
    ],
    tools: [tool],
    simulated: [{ name: 'x', process: 'simulated-x', url: simulatedUrl }],
  }
}

async function planSimulatedX(
  context: PlanContext,
  { port, account }: { port: number; account: string },
): Promise<PlannedProcess> {
  const { paths } = context
  const own = {
    SIMULATED_X_PORT: String(port),
    SIMULATED_X_ACCOUNT: account,
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
    ...toolEnvironment(paths, tool, options.port),
    TWEET_BACKEND: tool.backend,
    TWEET_MEDIA_DIR: paths.media,
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

/** What every tool server of a stack is told: whom it serves, where, and where its keys lie. */
export const toolEnvironment = (
  paths: StateDirPaths,
  tool: PlannedTool,
  port: number,
): Record<string, string> => ({
  TOOL_ACCOUNT: tool.account,
  TOOL_PORT: String(port),
  TOOL_HOST: '127.0.0.1',
  TOOL_LEDGER: tool.ledger,
  GRANTS: 'required',
  GRANT_JWKS_FILE: paths.keyFiles.grantJwks,
  RECEIPT_KEY_FILE: paths.receiptPrivate(tool.name),
  TOOL_TOKEN_FILE: paths.keyFiles.mcpToken,
  TOOL_CONTROL_TOKEN_FILE: paths.keyFiles.controlToken,
  TOOL_STOP_TOKEN_FILE: paths.keyFiles.stopToken,
  TOOL_KILL_TOKEN_FILE: paths.keyFiles.killToken,
  TOOL_CLIENTS_FILE: paths.keyFiles.toolClients,
})

/**
 * Megabytes of a semi-space at most. A small one costs a process nothing that waits most of the
 * time, and keeps it under 150 MB (toolchain.md 8). A role that has batches of 500 in hand copies
 * them again and again with it: a quarter of its CPU went there. 32 spare a few percent more.
 */
export const YOUNG_MIB = { small: 4, batches: 16 } as const

/** How one process of the checkout is started, with the environment that it may know. */
export async function nodeSpec(
  context: PlanContext,
  options: {
    name: string
    main: readonly string[]
    sections: readonly ConfigSection[]
    own: Readonly<Record<string, string>>
    youngMib?: number
  },
): Promise<ProcessSpec> {
  const { name, youngMib = YOUNG_MIB.small } = options
  const port = await context.keepPort(`${name}.health`)
  return {
    name,
    command: process.execPath,
    args: [
      `--max-semi-space-size=${youngMib}`,
      path.join(checkoutRoot(), ...options.main, 'main.ts'),
    ],
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
    // A client's own server may have the ledger.
    mayBeHeldUp: options.sections.includes('toolServer'),
  }
}
