import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'

import { eventually, type StackRig } from '../stack-rig.ts'

const MAIN = join(import.meta.dirname, 'main.ts')
const READY_WITHIN_MS = 30_000

/** A worker of the tests beside a stack. */
export type TestWorker = AsyncDisposable &
  Readonly<{
    signal: (signal: NodeJS.Signals) => void
    isAlive: () => boolean
    /** How often it was started. */
    starts: () => number
    log: () => string
  }>

/**
 * Starts a worker of the tests, and again whenever it dies, as the supervisor does. Resolves when
 * it is ready for the first time.
 */
export async function startTestWorker(
  rig: StackRig,
  of: { name: string; args?: readonly string[]; leaseMs: number; crashAt?: string },
): Promise<TestWorker> {
  const { urls } = await rig.status()
  const env = {
    PATH: process.env['PATH'] ?? '',
    DATABASE_URL: urls.postgres ?? '',
    REDIS_URL: urls.redis ?? '',
    TOOL_TOKEN: readFileSync(join(rig.stateDir, 'keys', 'mcp.token'), 'utf8').trim(),
    LEASE_MS: String(of.leaseMs),
    CONSUMER_NAME: of.name,
    CHIMERA_STATE_DIR: rig.stateDir,
    CHIMERA_SUPERVISED: '1',
    CHIMERA_RUN_ID: newId(),
    ...(of.crashAt === undefined ? {} : { CHIMERA_CRASH_AT: of.crashAt }),
  }
  let output = ''
  let starts = 0
  const ending = new AbortController()
  let child: ChildProcess | undefined
  const live = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      child = spawn(process.execPath, [MAIN, ...(of.args ?? [])], {
        env,
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
  await eventually(isReady, READY_WITHIN_MS, 'the test worker is ready').catch((cause: unknown) => {
    ending.abort()
    signal('SIGKILL')
    throw new Error(`the test worker did not start:\n${output}`, { cause })
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

/**
 * Stops the product's own worker, and takes its connections: an entry that Redis gave to one that
 * sleeps would wait for it.
 */
export async function silenceWorker(rig: StackRig): Promise<void> {
  await rig.signal('worker', 'SIGSTOP')
  const redis = await rig.redis()
  const clients = String(await redis.client('LIST')).split('\n')
  for (const client of clients) {
    const [, id] = /^id=(\d+) /.exec(client) ?? []
    const isWorkers = /\bname=chimera-worker\b/.test(client)
    if (isWorkers && id !== undefined) await redis.client('KILL', 'ID', id)
  }
}
