/** Processes that tests start beside a stack, in the place of one of its roles. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { checkoutRoot, stateDirPaths } from '@chimera/infra/stack/state-dir'

import { machineEnvironment } from '../machine-environment.ts'
import { eventually, type StackRig } from './stack-rig.ts'

const READY_WITHIN_MS = 30_000

/** Roles whose work another process can take over. */
export type Role = 'planner' | 'worker' | 'judge'

/** A process beside a stack. */
export type StandIn = AsyncDisposable &
  Readonly<{
    signal: (signal: NodeJS.Signals) => void
    isAlive: () => boolean
    /** How often it was started. */
    starts: () => number
    log: () => string
  }>

/**
 * Starts a process for a role, and again whenever it is killed. `main` is another program than the
 * product's own.
 */
export async function startStandIn(
  rig: StackRig,
  of: {
    role: Role
    /** The name of the consumer. */
    name: string
    leaseMs: number
    main?: string
    args?: readonly string[]
    crashAt?: string
  },
): Promise<StandIn> {
  const main = of.main ?? join(checkoutRoot(), 'roles', of.role, 'main.ts')
  return keepRunning({ ...of, main, env: await environmentOf(rig, of) })
}

/**
 * Starts a process, and again whenever it is killed, as the supervisor does. Resolves when it is
 * ready for the first time.
 */
export async function keepRunning(of: {
  name: string
  main: string
  args?: readonly string[]
  env: Readonly<Record<string, string>>
}): Promise<StandIn> {
  let output = ''
  let starts = 0
  const ending = new AbortController()
  let child: ChildProcess | undefined
  const live = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      child = spawn(process.execPath, [of.main, ...(of.args ?? [])], {
        env: { ...machineEnvironment(), ...of.env, CHIMERA_SUPERVISED: '1' },
        stdio: ['pipe', 'pipe', 'pipe'],
      })
      starts += 1
      const keep = (chunk: Buffer): void => void (output += chunk.toString())
      child.stdout?.on('data', keep)
      child.stderr?.on('data', keep)
      await once(child, 'exit')
      // Only who was killed comes back: anything else is a fault of the test.
      if (child.signalCode === null) return
    }
  }
  const lived = live()
  const signal = (name: NodeJS.Signals): void => void child?.kill(name)
  const isReady = () => (output.includes('"ready":true') ? true : undefined)
  await eventually(isReady, READY_WITHIN_MS, `${of.name} is ready`).catch((cause: unknown) => {
    ending.abort()
    signal('SIGKILL')
    throw new Error(`${of.name} did not start:\n${output}`, { cause })
  })
  return {
    signal,
    isAlive: () => child?.exitCode === null && child.signalCode === null,
    starts: () => starts,
    log: () => output,
    [Symbol.asyncDispose]: async () => {
      ending.abort()
      signal('SIGKILL')
      await lived
    },
  }
}

/** As the stack's own process has it, but for the names. */
async function environmentOf(
  rig: StackRig,
  of: { role: Role; name: string; leaseMs: number; crashAt?: string },
): Promise<Record<string, string>> {
  const { urls } = await rig.report()
  const { keyFiles } = stateDirPaths(rig.stateDir)
  const ofRole: Record<Role, Record<string, string>> = {
    planner: { GOALS_FROM_STREAM: 'owner' },
    worker: { TOOL_TOKEN_FILE: keyFiles.mcpToken },
    judge: { JUDGE_KEY_FILE: keyFiles.grantPrivate, RECEIPT_JWKS_FILE: keyFiles.receiptJwks },
  }
  return {
    ...ofRole[of.role],
    DATABASE_URL_FILE: keyFiles.swarmDatabaseUrl,
    REDIS_URL: urls.redis,
    LEASE_MS: String(of.leaseMs),
    CONSUMER_NAME: of.name,
    CHIMERA_STATE_DIR: rig.stateDir,
    CHIMERA_RUN_ID: newId(),
    ...(of.crashAt === undefined ? {} : { CHIMERA_CRASH_AT: of.crashAt }),
  }
}

/**
 * Stops the stack's own process of a role, and takes its connections: an entry that Redis gave to
 * one that sleeps would wait for it.
 */
export async function silence(rig: StackRig, role: Role): Promise<void> {
  await rig.signal(role, 'SIGSTOP')
  const redis = await rig.redis()
  const clients = String(await redis.client('LIST')).split('\n')
  for (const client of clients) {
    const [, id] = /^id=(\d+) /.exec(client) ?? []
    const isOfRole = new RegExp(String.raw`\bname=chimera-${role}\b`).test(client)
    if (isOfRole && id !== undefined) await redis.client('KILL', 'ID', id)
  }
}
