/**
 * Accounts beside the one that `chimera up` starts: for each a tool server and an X of its own, run
 * by the stack's own supervisor code and entered in the record as the stack enters its own.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { TOOLS } from '@chimera/contracts/tools'
import { openDatabase } from '@chimera/infra/database/open-database'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { keepSigningKeys } from '@chimera/infra/stack/keys/signing-keys'
import { claimPort } from '@chimera/infra/stack/processes/port-claim'
import type { ProcessSpec } from '@chimera/infra/stack/processes/supervised-process'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { checkoutRoot, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openSupervisor } from '@chimera/infra/stack/supervisor'
import { openLog } from '@chimera/runtime/log'

import { eventually } from '../../e2e/stack-rig.ts'
import { machineEnvironment } from '../../machine-environment.ts'
import { type ProviderLine, parseProviderRecord } from '../checker/history.ts'
import { tweetEnvironment } from './second-process.ts'

/** One account with an agent that acts on it and on no other. */
export type MoreAccount = Readonly<{
  account: string
  agent: string
  /** Names of its two processes, which can be harmed like those of the stack. */
  tool: string
  x: string
  xUrl: string
  provider: () => ProviderLine[]
}>

export type MoreAccounts = AsyncDisposable &
  Readonly<{
    accounts: readonly MoreAccount[]
    /** The process of that name, when it lives; undefined for a name that is not of here. */
    findPid: (name: string) => Promise<{ pid: number | undefined } | undefined>
  }>

const READY_WITHIN_MS = 30_000
const STOP_WITHIN_MS = 5_000

/** Starts them, and waits until the record's grants can reach each of them. */
export async function openMoreAccounts(
  names: readonly string[],
  { report, env }: { report: StackReport; env: Readonly<Record<string, string>> },
): Promise<MoreAccounts> {
  const paths = stateDirPaths(report.state_dir)
  await keepSigningKeys({
    privateFiles: names.map((name) => paths.receiptPrivate(`tweet-${name}`)),
    jwksFile: paths.keyFiles.receiptJwks,
  })
  await using stack = new AsyncDisposableStack()
  const findPort = async () => stack.use(await claimPort()).port
  const planned = await Promise.all(names.map((name) => plan(name, { report, env, findPort })))
  const supervisor = openSupervisor({
    groups: [planned.map(({ xSpec }) => xSpec), planned.map(({ toolSpec }) => toolSpec)],
    logFolder: paths.logs,
  })
  stack.defer(() => supervisor.stop(STOP_WITHIN_MS))
  await supervisor.ready(READY_WITHIN_MS)
  await enter(planned, report.urls.postgres)
  const open = stack.move()
  return {
    accounts: planned,
    findPid: async (name) => (await supervisor.report()).find((one) => one.name === name),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

type PlanContext = {
  report: StackReport
  env: Readonly<Record<string, string>>
  findPort: () => Promise<number>
}

type Planned = MoreAccount & { url: string; xSpec: ProcessSpec; toolSpec: ProcessSpec }

async function plan(name: string, { report, env, findPort }: PlanContext): Promise<Planned> {
  const paths = stateDirPaths(report.state_dir)
  const [account, tool, x] = [`x-${name}`, `tweet-${name}`, `simulated-x-${name}`]
  const record = paths.simulatedRecord(x)
  const token = readFileSync(paths.keyFiles.simulatedXToken, 'utf8').trim()
  const [xPort, toolPort] = [await findPort(), await findPort()]
  const xUrl = `http://127.0.0.1:${xPort}`
  return {
    account,
    agent: `agent-${name}`,
    tool,
    x,
    xUrl,
    url: `http://127.0.0.1:${toolPort}`,
    provider: () => parseProviderRecord(readFileSync(record, 'utf8')),
    xSpec: specOf(x, 'mcp-tools/tweet/simulated-x/main.ts', {
      CHIMERA_STATE_DIR: report.state_dir,
      SIMULATED_X_PORT: String(xPort),
      SIMULATED_X_RECORD: record,
      SIMULATED_X_TOKEN: token,
      HEALTH_PORT: String(await findPort()),
    }),
    toolSpec: specOf(tool, 'mcp-tools/tweet/main.ts', {
      ...env,
      ...tweetEnvironment(report, { account, name: tool, xUrl }),
      TOOL_PORT: String(toolPort),
      HEALTH_PORT: String(await findPort()),
    }),
  }
}

function specOf(name: string, main: string, env: Readonly<Record<string, string>>): ProcessSpec {
  const port = Number(env['HEALTH_PORT'])
  return {
    name,
    command: process.execPath,
    args: [join(checkoutRoot(), main)],
    cwd: checkoutRoot(),
    env: {
      ...machineEnvironment(),
      ...env,
      CONSUMER_NAME: `${name}-1`,
      CHIMERA_SUPERVISED: '1',
    },
    readiness: { kind: 'http', url: `http://127.0.0.1:${port}/readyz` },
  }
}

/** Tells the record of them, and waits for their hellos. */
async function enter(planned: readonly Planned[], databaseUrl: string): Promise<void> {
  const log = openLog({ name: 'test', level: 'silent' })
  await using record = openDatabase({ url: databaseUrl, name: 'test', log, max: 1 })
  const tools = Object.entries(TOOLS).filter(([, { server }]) => server === 'tweet')
  for (const { account, url, agent: agentId } of planned) {
    await upsertAccount(record, {
      account,
      server: 'tweet',
      url,
      backend: 'simulated',
      live: false,
      bindings: tools.map(([tool]) => ({ tenantId: DEFAULT_TENANT, agentId, tool })),
    })
  }
  const accounts = planned.map(({ account }) => account)
  const areOpen = async () => {
    const rows = await record.query({
      text: `SELECT FROM tool_accounts WHERE account = ANY($1) AND state = 'open'`,
      values: [accounts],
    })
    return rows.length === accounts.length || undefined
  }
  await eventually(areOpen, READY_WITHIN_MS, `${accounts.join(', ')} open`)
}
