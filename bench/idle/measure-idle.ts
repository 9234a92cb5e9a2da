import { statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { residentBytes } from '@chimera/infra/stack/processes/resident-memory'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'

import { proportionalBytes } from '../processes/process-table.ts'
import { cpuSeconds, stackProcesses } from '../processes/stack-processes.ts'
import { openBenchStack, openStateDir, type BenchStack } from '../stack/bench-stack.ts'
import { countRedis, countStatements, openPostgresCounter } from './count-commands.ts'

/** A stack at rest for one window. */
export type IdleRound = {
  seconds: number
  redis_per_s: number
  /** Which commands, busiest first. */
  redis_by_command: Record<string, number>
  transactions_per_s: number
  statements_per_s: number
  /** Share of one core, of all processes of the stack together. */
  core_share: number
  /** Share of one core of each process that used any. */
  core_share_by_process: Record<string, number>
  rss_mb: Record<string, number>
}

/** Statements are counted by logging them, which costs CPU: in a window of its own. */
const STATEMENTS_MS = 20_000

/** What other benchmarks leave out rests here, too; the wallet where its packages are. */
const WHOLE_STACK = { TRADING_TOOLS: 'on', WALLET_NETWORK: '' }

/** Starts a stack as `chimera up` does, leaves it alone, and looks what it does all the same. */
export async function measureIdle(options: {
  rounds: number
  seconds: number
  settle: number
  env: Readonly<Record<string, string | undefined>>
  log: (sentence: string) => void
}): Promise<IdleRound[]> {
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...WHOLE_STACK, ...options.env },
  })
  options.log(`up; settling for ${options.settle} s`)
  await sleep(options.settle * 1000)
  const { urls } = await stack.report()
  await using postgres = openPostgresCounter(urls.postgres)
  const rounds: Omit<IdleRound, 'statements_per_s'>[] = []
  for (let round = 0; round < options.rounds; round += 1) {
    options.log(`round ${round + 1}: ${options.seconds} s`)
    rounds.push(await watch({ stack, postgres, seconds: options.seconds }))
  }
  const statements_per_s = await watchStatements({ stack, postgres, url: urls.postgres })
  return rounds.map((round) => ({ ...round, statements_per_s }))
}

type Postgres = ReturnType<typeof openPostgresCounter>

async function watch(of: {
  stack: BenchStack
  postgres: Postgres
  seconds: number
}): Promise<Omit<IdleRound, 'statements_per_s'>> {
  const look = async () => ({
    at: performance.now(),
    redis: await countRedis(of.stack.redis()),
    transactions: await of.postgres.transactions(),
    cpu: await cpuSeconds(await of.stack.report()),
  })
  const before = await look()
  await sleep(of.seconds * 1000)
  const after = await look()
  const seconds = (after.at - before.at) / 1000
  const commands = difference(before.redis, after.redis, seconds)
  const cores = difference(before.cpu, after.cpu, seconds)
  return {
    seconds,
    redis_per_s: sum(commands),
    redis_by_command: commands,
    transactions_per_s: (after.transactions - before.transactions) / seconds,
    core_share: sum(cores),
    core_share_by_process: cores,
    rss_mb: await memoryByProcess(of.stack),
  }
}

async function watchStatements(of: {
  stack: BenchStack
  postgres: Postgres
  url: string
}): Promise<number> {
  const file = join(stateDirPaths(of.stack.stateDir).logs, 'postgres.log')
  await of.postgres.logStatements()
  await sleep(1_000)
  const [from, began] = [statSync(file).size, performance.now()]
  await sleep(STATEMENTS_MS)
  const seconds = (performance.now() - began) / 1000
  return countStatements(file, from, new URL(of.url).pathname.slice(1)) / seconds
}

/** A server that is many processes shares its memory among them: counted once. */
async function memoryByProcess(stack: BenchStack): Promise<Record<string, number>> {
  const bytes: Record<string, number> = {}
  for (const { name, pid } of await stackProcesses(await stack.report())) {
    const own = name === 'postgres' ? await proportionalBytes(pid) : await residentBytes(pid)
    bytes[name] = (bytes[name] ?? 0) + (own ?? 0)
  }
  return Object.fromEntries(Object.entries(bytes).map(([name, n]) => [name, n / 2 ** 20]))
}

function difference(
  before: Record<string, number>,
  after: Record<string, number>,
  seconds: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([name, n]) => [name, (n - (before[name] ?? 0)) / seconds] as const)
      .filter(([, n]) => n > 0)
      .toSorted(([, one], [, other]) => other - one),
  )
}

const sum = (values: Record<string, number>): number =>
  Object.values(values).reduce((total, one) => total + one, 0)
