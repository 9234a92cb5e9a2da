import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'

import { findStack } from './control-client.ts'
import { keepStackKeys } from './keys/stack-keys.ts'
import { planTools, portKeeper } from './plans/process-plan.ts'
import { planSwarm } from './plans/swarm-plan.ts'
import type { PlanContext } from './plans/tool-plan.ts'
import { prepareWallet } from './plans/wallet-plan.ts'
import type { Environment } from './process-environment.ts'
import { type FileLock, tryLock } from './processes/file-lock.ts'
import { openSupervisedProcess, type ProcessSpec } from './processes/supervised-process.ts'
import type { StackLog } from './stack-log.ts'
import { readStackRecord } from './stack-record.ts'
import type { StackReport } from './stack-report.ts'
import { prepareStateDir, type StateDirPaths } from './state-dir.ts'

/** How one tool server is started for an MCP client, by whoever starts it. */
export type AloneServer = AsyncDisposable &
  Readonly<{
    spec: Pick<ProcessSpec, 'command' | 'args' | 'env' | 'cwd'>
    /** Where the running stack serves it over HTTP already. */
    servedAt: string | undefined
  }>

const SIMULATED_READY_MS = 20_000
const SIMULATED_STOP_MS = 2_000
const LOOK_EVERY_MS = 200
/** As long as a provider may take to start, and some more. */
const TURN_WITHIN_MS = 30_000
const TURN_LOOK_MS = 20

/**
 * Prepares one tool server of a state directory for a client of its own: keys, ports, and the
 * simulated provider behind it. Where a stack runs, the server joins the one of the stack and takes
 * its rules; else it is the holder of its ledger, without grants, or joins another that is.
 *
 * @throws TerminalError `TOOL_NOT_AVAILABLE` for a name that no server has
 * @throws RetryableError `UNAVAILABLE` when a provider does not come up, or `swarm` has no stack
 */
export async function serveAlone(options: {
  name: string
  stateDir: string
  env: Environment
  log: StackLog
}): Promise<AloneServer> {
  const { name, env, log } = options
  const paths = await prepareStateDir(options.stateDir)
  await keepStackKeys(paths)
  const report = await (await findStack(options.stateDir))?.report()
  await using opening = new AsyncDisposableStack()
  using turn = new DisposableStack()
  if (report === undefined) turn.use(await takeTurn(paths))
  const keepPort =
    report === undefined
      ? alonePorts(paths, opening.use(new DisposableStack()))
      : rememberedPort(paths.root)
  const context: PlanContext = { paths, outer: env, runId: newId(), keepPort }
  if (name === 'swarm') return await swarmOf(context, report)
  if (name === 'wallet') await prepareWallet({ paths, outer: env, install: false, log })
  const plan = await planTools(context)
  const tool = plan.tools.find((each) => each.name === name || each.account === name)
  const spec = plan.processes.find(({ spec: each }) => each.name === tool?.name)?.spec
  if (tool === undefined || spec === undefined) {
    const names = [...plan.tools.map((each) => each.name), 'swarm'].join(', ')
    throw new TerminalError('TOOL_NOT_AVAILABLE', `There is no server ${name}; there are ${names}.`)
  }
  const served = report?.tools.find(({ account }) => account === tool.account)
  const provider = plan.processes.find(({ spec: each }) => each.name === tool.needs)?.spec
  if (served === undefined && provider !== undefined) {
    opening.use(await standBehind({ spec: provider, paths, log }))
  }
  const open = opening.move()
  return {
    servedAt: served?.url,
    spec: { ...spec, env: { ...spec.env, ...rulesOf(served !== undefined) } },
    [Symbol.asyncDispose]: async () => open.disposeAsync(),
  }
}

/** No hello comes to a server that nobody supervises; a stack's own ledger is the stack's. */
function rulesOf(isServed: boolean): Record<string, string> {
  return {
    GRANTS: 'off',
    TOOL_JOIN_ONLY: isServed ? '1' : '0',
    CHIMERA_SUPERVISED: '0',
    HEALTH_PORT: '0',
  }
}

async function swarmOf(
  context: PlanContext,
  report: StackReport | undefined,
): Promise<AloneServer> {
  if (report === undefined) {
    throw new RetryableError('UNAVAILABLE', 'Goals need a swarm: start it with ./chimera up')
  }
  const { process: planned } = await planSwarm(context, report.urls.gateway)
  const env = { ...planned.spec.env, CHIMERA_SUPERVISED: '0', HEALTH_PORT: '0' }
  return {
    spec: { ...planned.spec, env },
    servedAt: report.urls.swarm,
    [Symbol.asyncDispose]: async () => {},
  }
}

/**
 * Processes without a stack are prepared one after another: the second has to see which provider
 * the first has started, and where.
 */
async function takeTurn(paths: StateDirPaths): Promise<FileLock> {
  const until = Date.now() + TURN_WITHIN_MS
  for (;;) {
    const lock = tryLock(path.join(paths.root, 'alone.lock'))
    if (lock !== undefined) return lock
    if (Date.now() > until)
      throw new RetryableError(
        'UNAVAILABLE',
        'Another tool server of here has been starting for long.',
      )
    await sleep(TURN_LOOK_MS)
  }
}

/**
 * A provider that another process runs stays where that one has put it: whoever gets to hold the
 * ledger calls it there.
 */
function alonePorts(paths: StateDirPaths, claims: DisposableStack): PlanContext['keepPort'] {
  const keep = portKeeper(paths.root, claims)
  return async (name) => {
    if (!name.startsWith('simulated-') || name.endsWith('.health')) return keep(name)
    const alone = `${name}.alone`
    const known = readStackRecord(paths.root).ports[alone]
    using lock = tryLock(providerLock(paths, name))
    return lock === undefined && known !== undefined ? known : await keep(alone)
  }
}

const providerLock = (paths: StateDirPaths, process: string): string =>
  path.join(paths.simulated, `${process}.lock`)

/** Where the stack that runs has put it; nothing is claimed. */
function rememberedPort(root: string): PlanContext['keepPort'] {
  const { ports } = readStackRecord(root)
  return async (name) => ports[name] ?? 0
}

/**
 * Runs a simulated provider for as long as this process lives, unless another process of the same
 * state directory does: then it waits until that one is gone, for its clients join this one.
 */
async function standBehind(of: {
  spec: ProcessSpec
  paths: StateDirPaths
  log: StackLog
}): Promise<AsyncDisposable> {
  const { spec, paths, log } = of
  const stopping = new AbortController()
  const stack = new AsyncDisposableStack()
  const start = async (): Promise<boolean> => {
    const lock = tryLock(providerLock(paths, spec.name))
    if (lock === undefined) return false
    stack.use(lock)
    const logFile = `${paths.logs}/${spec.name}.log`
    const provider = openSupervisedProcess({ spec, logFile })
    stack.defer(async () => provider.stop(SIMULATED_STOP_MS))
    await provider.ready(SIMULATED_READY_MS)
    return true
  }
  const wait = async (): Promise<void> => {
    while (!stopping.signal.aborted && !(await start())) {
      await sleep(LOOK_EVERY_MS, undefined, { signal: stopping.signal }).catch(() => undefined)
    }
  }
  const isHere = await start()
  const waiting = isHere ? undefined : wait()
  waiting?.catch((error: unknown) => log(`${spec.name} did not start: ${String(error)}`))
  return {
    [Symbol.asyncDispose]: async () => {
      stopping.abort()
      await waiting?.catch(() => undefined)
      await stack.disposeAsync()
    },
  }
}
