import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { CancelledError, ConflictError } from '@chimera/contracts/errors'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'

import { migrate } from '../database/migrate.ts'
import { openControlServer } from './control-server.ts'
import { enterInRecord } from './enter-in-record.ts'
import { keepDatabaseLogins } from './keys/database-logins.ts'
import { keepStackKeys } from './keys/stack-keys.ts'
import { loadOutsideServers } from './outside-servers.ts'
import { planProcesses, type ProcessPlan } from './plans/process-plan.ts'
import { prepareWallet } from './plans/wallet-plan.ts'
import { openPostgres } from './postgres-server.ts'
import type { Environment } from './process-environment.ts'
import { tryLock } from './processes/file-lock.ts'
import { residentBytes } from './processes/resident-memory.ts'
import { findSocketPath } from './processes/socket-path.ts'
import type { SupervisedProcess } from './processes/supervised-process.ts'
import { openRedis } from './redis-server.ts'
import type { StackLog } from './stack-log.ts'
import { readStackRecord, updateStackRecord } from './stack-record.ts'
import type { StackReport } from './stack-report.ts'
import { prepareStateDir, type StateDirPaths } from './state-dir.ts'
import { openSupervisor, type Supervisor } from './supervisor.ts'
import type { WeaviateServer } from './weaviate-server.ts'
import { openStackMemory, type StackMemory } from './weaviate/open-stack-memory.ts'

/** Everything on one machine: servers, tool servers, roles. */
export type Stack = AsyncDisposable &
  Readonly<{
    report: () => Promise<StackReport>
    /** Resolves when somebody asks over the control socket that the stack be closed. */
    stopAsked: Promise<void>
    /** Stops everything in reverse order within 10 s. */
    close: () => Promise<void>
  }>

/** Ten processes at once take 3 s on two idle cores; a busy machine may take ten times that. */
const READY_WITHIN_MS = 60_000
/** Together below the 10 s that Ctrl-C may take. */
const STOP_PROCESSES_WITHIN_MS = 7000
const STOP_SERVERS_WITHIN_MS = 2500
/** What it was told last stands in its log, or comes again from the record. */
const STOP_MEMORY_WITHIN_MS = 1500
/** Whoever only looks whether the lock is free holds it for a moment. */
const LOCK_TRIES = 20

type Parts = {
  state: StackReport['state']
  servers: { name: string; supervised: SupervisedProcess }[]
  databaseUrl: string
  redisUrl: string
  memory: StackMemory | undefined
  plan: ProcessPlan | undefined
  supervisor: Supervisor | undefined
}

/**
 * Starts the stack of a state directory and waits until every process is up.
 *
 * @param options.signal - calls the start off; what had been started is stopped
 * @throws ConflictError when the stack of this directory runs already
 * @throws TerminalError `CONFIG_INVALID` when the environment is not right
 * @throws RetryableError `UNAVAILABLE` when a process does not come up
 */
export async function openStack(options: {
  stateDir: string
  env: Environment
  log: StackLog
  install: boolean
  signal?: AbortSignal
}): Promise<Stack> {
  const outside = loadOutsideServers(options.env)
  const paths = await prepareStateDir(options.stateDir)
  await using opening = new AsyncDisposableStack()
  opening.use(await takeLock(paths))
  const parts: Parts = {
    state: 'starting',
    servers: [],
    databaseUrl: outside.databaseUrl ?? '',
    redisUrl: outside.redisUrl ?? '',
    memory: undefined,
    plan: undefined,
    supervisor: undefined,
  }
  const tokens = await keepStackKeys(paths)
  const stopAsked = Promise.withResolvers<void>()
  const report = (): Promise<StackReport> => describe(parts, paths)
  opening.use(
    await openControlServer({
      socket: await controlSocket(paths),
      report,
      stop: () => stopAsked.resolve(),
    }),
  )
  await openServers({ ...options, opening, parts })
  options.signal?.throwIfAborted()
  await startProcesses({
    ...options,
    paths,
    parts,
    opening,
    goalsFromStream: outside.goalsFromStream,
    ...tokens,
    stopAsked: stopAsked.promise,
  })
  parts.state = 'running'
  const open = opening.move()
  const close = (): Promise<void> => open.disposeAsync()
  return { report, stopAsked: stopAsked.promise, close, [Symbol.asyncDispose]: close }
}

/** Brings the record up to date, then starts every process and waits until all are up. */
async function startProcesses(options: {
  env: Environment
  log: StackLog
  install: boolean
  signal?: AbortSignal
  paths: StateDirPaths
  parts: Parts
  opening: AsyncDisposableStack
  goalsFromStream: string
  operatorToken: string
  swarmToken: string
  stopAsked: Promise<void>
}): Promise<void> {
  const { env, paths, parts, opening } = options
  const { install, log } = options
  await migrate({ databaseUrl: parts.databaseUrl, log })
  await keepDatabaseLogins({ databaseUrl: parts.databaseUrl, paths, log })
  await prepareWallet({ paths, outer: env, install, log })
  const weaviate = await openMemoryServer(options)
  const plan = await planProcesses({
    paths,
    outer: env,
    redisUrl: parts.redisUrl,
    goalsFromStream: options.goalsFromStream,
    weaviate,
    runId: env['CHIMERA_RUN_ID'] ?? newId(),
    claims: opening.use(new DisposableStack()),
  })
  parts.plan = plan
  await enterInRecord({
    databaseUrl: parts.databaseUrl,
    tenantId: env['TENANT_ID'] ?? DEFAULT_TENANT,
    operatorToken: options.operatorToken,
    swarmToken: plan.swarmUrl === undefined ? undefined : options.swarmToken,
    tools: plan.tools,
    log: options.log,
  })
  options.log(`starting ${plan.processes.map(({ spec }) => spec.name).join(', ')}`)
  const supervisor = openSupervisor({
    groups: (['simulated', 'tool', 'role'] as const).map((kind) =>
      plan.processes.filter((one) => one.kind === kind).map(({ spec }) => spec),
    ),
    logFolder: paths.logs,
  })
  parts.supervisor = supervisor
  opening.defer(() => supervisor.stop(STOP_PROCESSES_WITHIN_MS))
  opening.defer(() => {
    parts.state = 'stopping'
  })
  await Promise.race([
    Promise.all([supervisor.ready(READY_WITHIN_MS), waitForMemory(weaviate, log)]),
    callOff(options.signal),
    options.stopAsked.then(() => Promise.reject(new CancelledError('CANCELLED', 'Stopped.'))),
  ])
  for (const { name, heldUpBy } of await supervisor.report()) {
    if (heldUpBy !== undefined) options.log(`${name} is closed: ${heldUpBy} ${GOES_ON}`)
  }
}

/** Nothing where the stack runs none. Goes before everything that remembers. */
async function openMemoryServer(options: {
  env: Environment
  log: StackLog
  signal?: AbortSignal
  paths: StateDirPaths
  parts: Parts
  opening: AsyncDisposableStack
}): Promise<WeaviateServer | undefined> {
  const { parts, opening } = options
  const { databaseUrl } = parts
  const memory = await openStackMemory({ ...options, stateDir: options.paths.root, databaseUrl })
  parts.memory = memory
  const server = memory.backend === 'weaviate' ? memory.server : undefined
  if (server === undefined) return undefined
  opening.defer(() => server.close(STOP_MEMORY_WITHIN_MS))
  parts.servers.push({ name: 'weaviate', supervised: server.supervised })
  return server
}

/** A memory that does not come up keeps nobody from work. */
async function waitForMemory(server: WeaviateServer | undefined, log: StackLog): Promise<void> {
  await server?.ready().catch((error: unknown) => {
    log(`${error instanceof Error ? error.message : String(error)} ${WITHOUT_MEMORY}`)
  })
}

const WITHOUT_MEMORY = 'Tasks go on without memories; they are brought there later.'
const GOES_ON = 'It is tried again every few seconds, and takes up its work then.'

async function takeLock(paths: StateDirPaths): Promise<Disposable> {
  for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
    const lock = tryLock(paths.lockFile)
    if (lock !== undefined) return lock
    await sleep(50)
  }
  throw new ConflictError('VERSION_CONFLICT', `A stack runs already on ${paths.root}.`)
}

async function controlSocket(paths: StateDirPaths): Promise<string> {
  const wanted = path.join(paths.root, 'supervisor.sock')
  const socket = await findSocketPath(wanted, readStackRecord(paths.root).control_socket)
  if (socket !== wanted)
    updateStackRecord(paths.root, (record) => ({ ...record, control_socket: socket }))
  return socket
}

/** The stack's own servers, where the operator names none. */
async function openServers(options: {
  stateDir: string
  env: Environment
  log: StackLog
  install: boolean
  signal?: AbortSignal
  opening: AsyncDisposableStack
  parts: Parts
}): Promise<void> {
  const { opening, parts, stateDir, log } = options
  if (parts.databaseUrl === '') {
    const postgres = await openPostgres({ stateDir, log })
    opening.defer(() => postgres.close(STOP_SERVERS_WITHIN_MS))
    parts.databaseUrl = postgres.url
    parts.servers.push({ name: 'postgres', supervised: postgres.supervised })
  }
  options.signal?.throwIfAborted()
  if (parts.redisUrl === '') {
    const redis = await openRedis({
      stateDir,
      log,
      install: options.install,
      searchPath: options.env['PATH'],
    })
    opening.defer(() => redis.close(STOP_SERVERS_WITHIN_MS))
    parts.redisUrl = redis.url
    parts.servers.push({ name: 'redis', supervised: redis.supervised })
  }
}

/** Rejects when the start is called off; never resolves. */
async function callOff(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_resolve, reject) => {
    const callOffNow = (): void =>
      reject(new CancelledError('CANCELLED', 'The start was called off.'))
    if (signal?.aborted === true) callOffNow()
    signal?.addEventListener('abort', callOffNow, { once: true })
  })
}

async function describe(parts: Parts, paths: StateDirPaths): Promise<StackReport> {
  const { plan, memory } = parts
  const found = (await parts.supervisor?.report()) ?? []
  const byName = new Map(found.map((one) => [one.name, one]))
  const pidOf = (name: string): number | null => byName.get(name)?.pid ?? null
  const servers = await Promise.all(parts.servers.map((one) => one.supervised.report()))
  const roles = (plan?.processes ?? []).filter((one) => one.kind === 'role')
  return {
    state: parts.state,
    state_dir: paths.root,
    pid: process.pid,
    urls: {
      gateway: plan?.gatewayUrl ?? '',
      redis: parts.redisUrl,
      postgres: parts.databaseUrl,
      ...(memory?.backend === 'weaviate' ? { weaviate: memory.url } : {}),
      ...(plan?.swarmUrl === undefined ? {} : { swarm: plan.swarmUrl }),
    },
    token_file: paths.keyFiles.operatorToken,
    roles: await Promise.all(
      roles.map(async ({ spec: { name } }) => {
        const pid = pidOf(name)
        const one = byName.get(name)
        return {
          name,
          pid,
          state: one?.state ?? 'down',
          restarts: one?.restarts ?? 0,
          rss_bytes: pid === null ? null : ((await residentBytes(pid)) ?? null),
        }
      }),
    ),
    tools: (plan?.tools ?? []).map(({ name, account, url, backend, ledger }) => {
      const reason = byName.get(name)?.heldUpBy
      return {
        name,
        account,
        url,
        backend,
        ledger,
        pid: pidOf(name),
        restarts: byName.get(name)?.restarts ?? 0,
        ...(reason === undefined ? {} : { reason }),
      }
    }),
    simulated: (plan?.simulated ?? []).map(({ name, url, process: of }) => ({
      name,
      url,
      pid: pidOf(of),
    })),
    ...(memory === undefined ? {} : { memory: memoryView(memory) }),
    servers: servers.map(({ name, pid, restarts }) => ({ name, pid: pid ?? null, restarts })),
  }
}

const memoryView = (memory: StackMemory): NonNullable<StackReport['memory']> =>
  memory.backend === 'weaviate'
    ? { backend: 'weaviate' }
    : { backend: 'postgres', reason: memory.reason }
