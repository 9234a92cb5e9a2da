import { setTimeout as sleep } from 'node:timers/promises'

import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { type BenchStack, openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import {
  countByTable,
  type Line,
  measureBurst,
  productLine,
  STATISTICS_MS,
} from '../swarm/measure-burst.ts'
import { measurePace } from '../swarm/measure-pace.ts'
import { type GrowthFound, type GrowthRound, SIDES, type SideName } from './growth-report.ts'
import { SEEDED_TABLES, seedHistory } from './seed-history.ts'

type Environment = Readonly<Record<string, string | undefined>>
type Side = Readonly<{ line: Line; database: Database; stack: BenchStack }>

/**
 * Done at a rate, so that batches and audit entries are small, as those of a swarm that is not full
 * are; what is copied is the larger for it.
 */
const PATTERN = { name: 'pattern', perSecond: 250, seconds: 4 } as const
/** Code is compiled, statements are prepared, pages are there. */
const WARM_UP = 2_000
/** Where a no-op task writes less than this, it is the writing of a batch, or of time. */
const LEAST_ROWS = 0.5

/**
 * Two stacks of the same program side by side, one of which has so many tasks behind it, take turns
 * with bursts of new ones.
 */
export async function runGrowth(options: {
  rounds: number
  tasks: number
  history: number
  env: Environment
  log: (line: string) => void
}): Promise<GrowthFound> {
  const { rounds: wanted, tasks, history, log } = options
  await using opened = new AsyncDisposableStack()
  const sides: Record<SideName, Side> = {
    empty: await openSide({ ...options, history: 0, opened }),
    full: await openSide({ ...options, history, opened }),
  }
  const before = { empty: await describe(sides.empty), full: await describe(sides.full) }
  if (before.full.finished < history) throw new Error('The history is not in the record.')
  for (const name of SIDES) await burst(sides[name], 'warm', WARM_UP)
  const rounds: GrowthRound[] = []
  for (let n = 0; n < wanted; n += 1) {
    const order = n % 2 === 0 ? SIDES : SIDES.toReversed()
    const found: Partial<GrowthRound> = {}
    for (const name of order) {
      found[name] = await burst(sides[name], `round${n}`, tasks)
      log(`round ${n + 1}: ${name} ${Math.round(found[name].tasks_per_s)} tasks/s`)
    }
    const { empty, full } = found
    if (empty !== undefined && full !== undefined) rounds.push({ empty, full })
  }
  return { history, tasks, before, rounds }
}

const burst = ({ line, database }: Side, name: string, tasks: number) =>
  measureBurst({ line, database, tasks, name, statisticsMs: 0 })

async function openSide(of: {
  history: number
  env: Environment
  log: (line: string) => void
  opened: AsyncDisposableStack
}): Promise<Side> {
  const { history, env, log, opened } = of
  const { stateDir } = opened.use(openStateDir())
  const stack = opened.use(await openBenchStack({ stateDir, env: { ...env, SWARM_TOOLS: 'off' } }))
  const { postgres: url } = (await stack.report()).urls
  const silent = openLog({ name: 'bench', level: 'silent' })
  const database = opened.use(openDatabase({ url, name: 'bench', log: silent, max: 1 }))
  await sleep(STATISTICS_MS)
  const rows = await countByTable(database)
  await measurePace({ ...PATTERN, stack, database })
  await sleep(STATISTICS_MS)
  refuseUnknown({ before: rows, after: await countByTable(database) })
  log(`seeding ${history} finished tasks`)
  await seedHistory({ databaseUrl: url, pattern: PATTERN.name, tasks: history, log })
  if (history > 0) await assertShown(stack)
  return { line: await productLine(stack), database, stack }
}

/** A table that the seed does not know would be empty beside a history that fills it. */
function refuseUnknown(of: {
  before: Readonly<Record<string, number>>
  after: Readonly<Record<string, number>>
}): void {
  const tasks = PATTERN.perSecond * PATTERN.seconds
  const unknown = Object.entries(of.after).filter(
    ([table, n]) =>
      (n - (of.before[table] ?? 0)) / tasks >= LEAST_ROWS && !SEEDED_TABLES.has(table),
  )
  if (unknown.length > 0) throw new Error(`The seed does not copy ${String(unknown)}.`)
}

/** The product itself has to take a copy for a goal that it did. */
async function assertShown(stack: BenchStack): Promise<void> {
  const goal = await stack.goal(`past1-${PATTERN.name}-0`)
  const [task] = goal?.tasks ?? []
  if (goal?.status !== 'COMPLETED' || task?.judged_at === null || task === undefined)
    throw new Error('A copied goal is not shown as one that is done.')
}

const Described = z.object({ finished: z.coerce.number(), bytes: z.coerce.number() })

async function describe({ database }: Side): Promise<z.infer<typeof Described>> {
  const [row] = await database.query({
    text: `SELECT count(*) AS finished, pg_database_size(current_database()) AS bytes
      FROM tasks WHERE phase = 'done'`,
  })
  return Described.parse(row)
}
