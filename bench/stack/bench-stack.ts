import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import {
  CrashLine,
  GoalView,
  SimulatedRequest,
  type SimulatedControl,
} from '@chimera/contracts/observable'
import { findStack } from '@chimera/infra/stack/control-client'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { checkoutRoot, stateDirPaths } from '@chimera/infra/stack/state-dir'
import { Redis } from 'ioredis'
import type { z } from 'zod'

import { runCli, runCliNow } from './run-cli.ts'
import { stopOnSignal } from './stop-on-signal.ts'

/** A whole stack of real processes with servers of its own, as `chimera up --detach` starts it. */
export type BenchStack = AsyncDisposable &
  Readonly<{
    stateDir: string
    /** Where everything is, asked of the supervisor alone: it costs the roles nothing. */
    report: () => Promise<StackReport>
    redis: () => Redis
    /** Posts a goal by XADD, as JSON. */
    post: (goal: { id: string; text: string }) => Promise<void>
    goal: (id: string) => Promise<GoalView | undefined>
    /** The goal once it has ended. */
    ended: (id: string, withinMs: number) => Promise<GoalView>
    /** Posts that exist at the simulated X: accepted, whether the answer arrived or not. */
    tweets: () => SimulatedRequest[]
    misbehave: (control: SimulatedControl) => Promise<void>
    crashes: () => CrashLine[]
    cli: (...args: string[]) => Promise<string>
  }>

type Environment = Readonly<Record<string, string | undefined>>

const ENDED = new Set(['COMPLETED', 'FAILED', 'CANCELLED'])

/** A folder for the state of stacks, removed with everything in it. */
export function openStateDir(): Disposable & { stateDir: string } {
  const stateDir = mkdtempSync(join(tmpdir(), 'chimera-bench-'))
  // PostgreSQL runs as another user when this process is root, and has to get in.
  chmodSync(stateDir, 0o711)
  return {
    stateDir,
    [Symbol.dispose]: () => rmSync(stateDir, { recursive: true, force: true, maxRetries: 5 }),
  }
}

/** Starts a stack on the folder and stops it again; what it kept stays for the next one. */
export async function openBenchStack(options: {
  stateDir: string
  env: Environment
}): Promise<BenchStack> {
  const { stateDir } = options
  const env = {
    // As `./chimera` does: processes start in two thirds of the time, 20 MB lighter.
    NODE_COMPILE_CACHE: join(checkoutRoot(), '.chimera', 'compile-cache'),
    WALLET_NETWORK: 'off',
    TRADING_TOOLS: 'off',
    WEAVIATE_SERVER: 'off',
    ...options.env,
    CHIMERA_STATE_DIR: stateDir,
    NODE_OPTIONS: '',
  }
  await using opening = new AsyncDisposableStack()
  const cli = (...args: string[]): Promise<string> => runCli(args, env)
  opening.defer(async () => {
    await cli('down')
  })
  opening.use(stopOnSignal(() => runCliNow(['down'], env)))
  await cli('up', '--detach', '--json')
  const report = await reportOf(stateDir)
  const redis = new Redis(report.urls.redis)
  opening.defer(() => redis.disconnect())
  const open = opening.move()
  return {
    ...connect({ stateDir, cli, redis, report }),
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function reportOf(stateDir: string): Promise<StackReport> {
  const stack = await findStack(stateDir)
  if (stack === undefined) throw new Error('The stack does not run.')
  return stack.report()
}

function connect(of: {
  stateDir: string
  cli: BenchStack['cli']
  redis: Redis
  report: StackReport
}): Omit<BenchStack, typeof Symbol.asyncDispose> {
  const { stateDir, cli, redis, report } = of
  const paths = stateDirPaths(stateDir)
  const token = readFileSync(report.token_file, 'utf8').trim()
  const goal = async (id: string): Promise<GoalView | undefined> => {
    const url = new URL(`/v1/goals/${encodeURIComponent(id)}`, report.urls.gateway)
    const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } })
    if (answer.status === 404) return undefined
    if (!answer.ok) throw new Error(`goal ${id}: ${answer.status} ${await answer.text()}`)
    return GoalView.parse(await answer.json())
  }
  const simulated = report.simulated.find(({ name }) => name === 'x')
  return {
    stateDir,
    cli,
    goal,
    report: () => reportOf(stateDir),
    redis: () => redis,
    post: async (posted) => {
      await redis.call('XADD', 'chimera:goals', '*', 'goal', JSON.stringify(posted))
    },
    ended: (id, withinMs) =>
      eventually({
        what: `goal ${id} ends`,
        withinMs,
        check: async () => {
          const found = await goal(id)
          return found !== undefined && ENDED.has(found.status) ? found : undefined
        },
      }),
    tweets: () =>
      readLines(paths.simulatedRecord('x'), SimulatedRequest).filter(
        ({ method, path, outcome }) =>
          method === 'POST' && path === '/2/tweets' && outcome !== 'refused',
      ),
    crashes: () => readLines(paths.crashPoints, CrashLine),
    misbehave: async (control) => {
      const answer = await fetch(new URL('/__control', simulated?.url), {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(control),
      })
      if (!answer.ok) throw new Error(`X would not misbehave: ${await answer.text()}`)
    },
  }
}

function readLines<T>(file: string, schema: z.ZodType<T>): T[] {
  if (!existsSync(file)) return []
  const lines = readFileSync(file, 'utf8').split('\n')
  return lines.filter((line) => line !== '').map((line) => schema.parse(JSON.parse(line)))
}

/** Looks until there is an answer, or throws what it met last. */
export async function eventually<T>(options: {
  what: string
  withinMs: number
  check: () => Promise<T | undefined> | T | undefined
  everyMs?: number
}): Promise<T> {
  const until = Date.now() + options.withinMs
  let last: unknown
  for (;;) {
    try {
      const found = await options.check()
      if (found !== undefined) return found
    } catch (error) {
      last = error
    }
    if (Date.now() > until)
      throw new Error(`not within ${options.withinMs} ms: ${options.what}`, { cause: last })
    await sleep(options.everyMs ?? 50)
  }
}
