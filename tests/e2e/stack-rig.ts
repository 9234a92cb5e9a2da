import { execFile, spawn } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  CrashLine,
  GoalView,
  SimulatedRequest,
  StatusReport,
  type SimulatedControl,
} from '@chimera/contracts/observable'
import { findStack } from '@chimera/infra/stack/control-client'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { checkoutRoot } from '@chimera/infra/stack/state-dir'
import { Redis } from 'ioredis'
import type { z } from 'zod'

import { openFreshDatabase } from '../fresh-database.ts'

/** A whole stack of real processes, started by the command line. */
export type StackRig = AsyncDisposable & {
  readonly stateDir: string
  /** Runs `chimera <args>`; never throws for an exit code. */
  cli(...args: string[]): Promise<Ran>
  /** Stops everything, and starts it again on the same state. */
  down: () => Promise<void>
  up(): Promise<void>
  /** What `chimera status` says of servers, processes and the record. */
  status(): Promise<StatusReport>
  /** What the supervisor itself says of its processes: no process has to start for it. */
  report(): Promise<StackReport>
  goal(id: string): Promise<GoalView>
  /** Posts a goal by XADD, with plain fields. */
  xadd(...fields: string[]): Promise<string>
  redis(): Promise<Redis>
  /** What the simulated X was asked to post, oldest first. */
  posts(): SimulatedRequest[]
  /** Posts that exist: accepted, whether the answer arrived or not. */
  tweets(): SimulatedRequest[]
  /** Tells the simulated X to misbehave. */
  misbehave(control: SimulatedControl): Promise<void>
  crashes(): CrashLine[]
  /** Sends a signal to a role or tool server, by name. */
  signal(name: string, signal: NodeJS.Signals): Promise<void>
  /** Asks the API as the operator. */
  api: (
    path: string,
    init?: { method?: string; body?: unknown; headers?: object },
  ) => Promise<Response>
}

export type Ran = { code: number; stdout: string; stderr: string }

const MAIN = join(checkoutRoot(), 'cli', 'main.ts')
const UP_WITHIN_MS = 90_000
const STOPS_WITHIN_MS = 15_000

/**
 * Starts a stack in a folder of its own. `servers: 'shared'` uses a database of its own on the
 * test run's PostgreSQL, which starts faster; `own` is what `./chimera up` does. Redis is its own
 * in both.
 */
export async function openStackRig(
  of: {
    env?: Record<string, string>
    servers?: 'own' | 'shared'
    /** What has to be done to the state directory before the start, and undone after the end. */
    prepare?: (stateDir: string) => Disposable
  } = {},
): Promise<StackRig> {
  await using stack = new AsyncDisposableStack()
  const stateDir = mkdtempSync(join(tmpdir(), 'chimera-e2e-'))
  chmodSync(stateDir, 0o711)
  stack.defer(() => {
    if (process.env['KEEP_STATE'] !== '1') rmSync(stateDir, { recursive: true, force: true })
  })
  if (of.prepare !== undefined) stack.use(of.prepare(stateDir))
  const env: Record<string, string | undefined> = {
    ...process.env,
    CHIMERA_STATE_DIR: stateDir,
    TWEET_COOLDOWN_MS: '200',
    TWEET_ABSENCE_MS: '3000',
    TWEET_SEND_TIMEOUT_MS: '1000',
    // One process less to start; who asks for it names it.
    SWARM_TOOLS: 'off',
    WALLET_NETWORK: 'off',
    TRADING_TOOLS: 'off',
    WEAVIATE_SERVER: 'off',
    NODE_OPTIONS: '',
    ...of.env,
  }
  if (of.servers !== 'own') {
    const database = stack.use(await openFreshDatabase())
    Object.assign(env, {
      DATABASE_URL: database.databaseUrl,
      GOALS_FROM_STREAM: of.env?.['GOALS_FROM_STREAM'] ?? 'owner',
    })
  }
  const cli = (...args: string[]) => run([MAIN, ...args], env)
  const down = async () => (await findStack(stateDir))?.stop(STOPS_WITHIN_MS)
  stack.defer(down)
  await startStack(stateDir, env)
  const open = stack.move()
  const { moved, ...rig } = connect({ stateDir, cli, stack: open })
  const up = async () => {
    await startStack(stateDir, env)
    moved()
  }
  return { ...rig, down, up, [Symbol.asyncDispose]: () => open.disposeAsync() }
}

/** `chimera up`, until everything is; it ends with `findStack(..).stop`. */
async function startStack(
  stateDir: string,
  env: Record<string, string | undefined>,
): Promise<void> {
  mkdirSync(join(stateDir, 'logs'), { recursive: true, mode: 0o700 })
  const log = openSync(join(stateDir, 'logs', 'supervisor.log'), 'a', 0o600)
  const stdio: ['ignore', number, number] = ['ignore', log, log]
  const supervisor = spawn(process.execPath, [MAIN, 'up'], { cwd: tmpdir(), env, stdio })
  closeSync(log)
  let end: string | undefined
  supervisor.once('error', (error) => (end = error.message))
  supervisor.once('exit', (code, signal) => (end = String(code ?? signal)))
  const check = async () => {
    const running = end === undefined ? await findStack(stateDir) : undefined
    const state = end ?? (await running?.report())?.state
    // Why it stops is told when it has ended.
    return state === 'starting' || state === 'stopping' ? undefined : state
  }
  const how = await eventually(check, UP_WITHIN_MS, 'the stack is up')
  if (how !== 'running') throw new Error(`chimera up ended with ${how}:\n${logs(stateDir)}`)
}

function connect(of: {
  stateDir: string
  cli: StackRig['cli']
  stack: AsyncDisposableStack
}): Omit<StackRig, 'up' | 'down' | typeof Symbol.asyncDispose> & { moved: () => void } {
  const { stateDir, cli, stack } = of
  let redis: Redis | undefined
  const status = async () => StatusReport.parse(await json(cli('status', '--json')))
  const report = async () => {
    const running = await findStack(stateDir)
    if (running === undefined) throw new Error(`Nothing runs on ${stateDir}.`)
    return running.report()
  }
  const connectRedis = async () => {
    if (redis !== undefined) return redis
    const { urls } = await report()
    redis = new Redis(urls.redis)
    stack.defer(() => redis?.disconnect())
    return redis
  }
  const { api, moved } = openDoor(report)
  const lines = <T>(file: string, schema: z.ZodType<T>): T[] => {
    const path = join(stateDir, file)
    if (!existsSync(path)) return []
    const text = readFileSync(path, 'utf8').split('\n')
    return text.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)))
  }
  const posts = () =>
    lines('simulated/x.jsonl', SimulatedRequest).filter(
      ({ method, path }) => method === 'POST' && path === '/2/tweets',
    )
  return {
    stateDir,
    cli,
    status,
    report,
    goal: async (id) => {
      const answer = await api(`/v1/goals/${encodeURIComponent(id)}`)
      if (!answer.ok) throw new Error(`goal ${id}: ${answer.status} ${await answer.text()}`)
      return GoalView.parse(await answer.json())
    },
    redis: connectRedis,
    xadd: async (...fields) => {
      const id = await (await connectRedis()).call('XADD', 'chimera:goals', '*', ...fields)
      return String(id)
    },
    posts,
    tweets: () => posts().filter(({ outcome }) => outcome !== 'refused'),
    misbehave: async (control) => {
      const { simulated } = await report()
      const url = simulated.find(({ name }) => name === 'x')?.url
      const answer = await fetch(new URL('/__control', url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(control),
      })
      if (!answer.ok) throw new Error(`X would not misbehave: ${await answer.text()}`)
    },
    crashes: () => lines('crash-points.jsonl', CrashLine),
    signal: async (name, signal) => {
      const { roles, tools } = await report()
      const pid = [...roles, ...tools].find((one) => one.name === name)?.pid
      if (typeof pid !== 'number') throw new Error(`${name} does not run`)
      process.kill(pid, signal)
    },
    api,
    moved,
  }
}

/** Asks the API as the operator; where it is and the token are looked up once in a life. */
function openDoor(report: StackRig['report']): { api: StackRig['api']; moved: () => void } {
  let door: { url: string; token: string } | undefined
  return {
    // Another stack may have taken its port in the meantime.
    moved: () => {
      door = undefined
    },
    api: async (path, init = {}) => {
      if (door === undefined) {
        const { urls, token_file } = await report()
        door = { url: urls.gateway, token: readFileSync(token_file, 'utf8').trim() }
      }
      return fetch(new URL(path, door.url), {
        method: init.method ?? 'GET',
        headers: {
          authorization: `Bearer ${door.token}`,
          ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...init.headers,
        },
        ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      })
    },
  }
}

async function json(ran: Promise<Ran>): Promise<unknown> {
  const { code, stdout, stderr } = await ran
  if (code !== 0) throw new Error(`exit ${code}: ${stderr}`)
  return JSON.parse(stdout)
}

function run(args: string[], env: Record<string, string | undefined>): Promise<Ran> {
  const { promise, resolve } = Promise.withResolvers<Ran>()
  const options = { env, cwd: tmpdir(), timeout: UP_WITHIN_MS, maxBuffer: 64 * 1024 * 1024 }
  execFile(process.execPath, args, options, (error, stdout, stderr) => {
    const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
    resolve({ code, stdout, stderr })
  })
  return promise
}

/** The end of every log, for a failure message. */
export function logs(stateDir: string): string {
  const names = ['supervisor', 'judge', 'tweet', 'planner', 'worker', 'keeper', 'gateway']
  return names
    .map((name) => join(stateDir, 'logs', `${name}.log`))
    .filter((file) => existsSync(file))
    .map((file) => `--- ${file}\n${readFileSync(file, 'utf8').slice(-2_000)}`)
    .join('\n')
}

/** Looks until `check` answers something, or throws what it threw last. */
export async function eventually<T>(
  check: () => Promise<T | undefined> | T | undefined,
  withinMs: number,
  what: string,
): Promise<T> {
  const until = Date.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const found = await check()
      if (found !== undefined && found !== false) return found
    } catch (error) {
      last = error
    }
    if (Date.now() > until) {
      throw new Error(`not within ${withinMs} ms: ${what}`, { cause: last })
    }
    await sleep(50)
  }
}

/** The goal once it has ended. */
export const ended = (rig: StackRig, id: string, withinMs = 20_000): Promise<GoalView> =>
  eventually(
    async () => {
      const goal = await rig.goal(id)
      return ['COMPLETED', 'FAILED', 'CANCELLED'].includes(goal.status) ? goal : undefined
    },
    withinMs,
    `goal ${id} ends`,
  )
