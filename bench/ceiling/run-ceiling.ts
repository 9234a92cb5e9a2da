import { setTimeout as sleep } from 'node:timers/promises'

import { type Database, openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

import { type BenchStack, openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import {
  type Burst,
  countByTable,
  type Line,
  measureBurst,
  productLine,
  STATISTICS_MS,
} from '../swarm/measure-burst.ts'
import { openBareLine } from './bare-line.ts'
import type { BareSettings } from './bare/bare-settings.ts'
import {
  type CeilingFound,
  type CeilingRound,
  LINES,
  type LineName,
  type Rows,
} from './ceiling-report.ts'
import { measureRawCommit } from './raw-commit.ts'
import { measureRawHop } from './raw-hop.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** Code is compiled, statements are prepared, pages are there. */
const WARM_UP = 1_000
/** Rows are counted for all rounds together, in the tables of each. */
const hurried = { statisticsMs: 0 }
/** What stands below is the largest of its kind: a fifth of a second each on a quiet machine. */
const RAW_ENTRIES = 40_000
const RAW_ROWS = 20_000

/**
 * The product and two bare pipelines on the same servers, in turn, each round beginning with
 * another one.
 */
export async function runCeiling(options: {
  rounds: number
  tasks: number
  env: Environment
  log: (line: string) => void
}): Promise<CeilingFound> {
  const { tasks, env, log } = options
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...env, SWARM_TOOLS: 'off' },
  })
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 1 })
  await using opened = new AsyncDisposableStack()
  const bare = async (pipeline: BareSettings['pipeline']): Promise<Line> =>
    openBareLine({ stack, database, pipeline, env, opened })
  const lines: Record<LineName, Line> = {
    swarm: await productLine(stack),
    bare: await bare('bare'),
    leanest: await bare('leanest'),
  }
  log('warming up')
  for (const name of LINES)
    await measureBurst({ ...hurried, line: lines[name], database, tasks: WARM_UP, name: 'warm' })
  await sleep(STATISTICS_MS)
  const before = await countByTable(database)
  const rounds: CeilingRound[] = []
  for (let n = 0; n < options.rounds; n += 1)
    rounds.push(await oneRound({ n, lines, stack, database, tasks, log }))
  await sleep(STATISTICS_MS)
  const after = await countByTable(database)
  return { rounds, rows: rowsOfLines({ before, after, tasks: tasks * options.rounds }) }
}

async function oneRound(of: {
  n: number
  lines: Record<LineName, Line>
  stack: BenchStack
  database: Database
  tasks: number
  log: (line: string) => void
}): Promise<CeilingRound> {
  const { n, lines, stack, database, tasks } = of
  const shift = n % LINES.length
  const bursts: { [name in LineName]?: Burst } = {}
  for (const name of [...LINES.slice(shift), ...LINES.slice(0, shift)]) {
    const burst = await measureBurst({
      ...hurried,
      line: lines[name],
      database,
      tasks,
      name: `${name}${n}`,
    })
    of.log(`round ${n + 1}: ${name} ${Math.round(burst.tasks_per_s)} tasks/s`)
    bursts[name] = burst
  }
  const redis = stack.redis()
  const { swarm, bare, leanest } = bursts
  if (swarm === undefined || bare === undefined || leanest === undefined)
    throw new Error('A line was not measured.')
  return {
    bursts: { swarm, bare, leanest },
    hops_per_s: await measureRawHop({ redis, stream: `raw:${n}`, entries: RAW_ENTRIES }),
    rows_per_s: await measureRawCommit({ database, rows: RAW_ROWS }),
  }
}

/** Each has tables of its own: the product's are those without a schema. */
function rowsOfLines(of: {
  before: Readonly<Record<string, number>>
  after: Readonly<Record<string, number>>
  tasks: number
}): Record<LineName, Rows> {
  const rows: Record<LineName, Rows> = { swarm: {}, bare: {}, leanest: {} }
  for (const [table, n] of Object.entries(of.after)) {
    const [schema, name] = table.includes('.') ? table.split('.') : ['swarm', table]
    const line = LINES.find((known) => known === schema)
    const written = (n - (of.before[table] ?? 0)) / of.tasks
    if (line !== undefined && name !== undefined && written > 0) rows[line][name] = written
  }
  return rows
}
