import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'

import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { type Line, measureBurst } from '../swarm/measure-burst.ts'
import { openTenantsLine } from './tenants-line.ts'
import { SIDES, type SideName, type TenantsFound, type TenantsRound } from './tenants-report.ts'

type Environment = Readonly<Record<string, string | undefined>>

const WARM_UP = 2_000

/** Bursts of goals of one tenant and of many, in turn, on one stack. */
export async function runTenants(options: {
  rounds: number
  tasks: number
  tenants: number
  env: Environment
  log: (line: string) => void
}): Promise<TenantsFound> {
  const { tasks, tenants, env, log } = options
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...env, SWARM_TOOLS: 'off' },
  })
  const { postgres: url } = (await stack.report()).urls
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url, name: 'bench', log: silent, max: 1 })
  const lines: Record<SideName, Line> = {
    one: await openTenantsLine({ stack, database, tenants: 1 }),
    many: await openTenantsLine({ stack, database, tenants }),
  }
  const burst = (side: SideName, name: string, size: number) =>
    measureBurst({ line: lines[side], database, tasks: size, name, statisticsMs: 0 })
  log('warming up')
  for (const side of SIDES) await burst(side, `warm-${side}`, WARM_UP)
  const rounds: TenantsRound[] = []
  for (let n = 0; n < options.rounds; n += 1) {
    const found: Partial<TenantsRound> = {}
    for (const side of n % 2 === 0 ? SIDES : SIDES.toReversed()) {
      found[side] = await burst(side, `round${n}-${side}`, tasks)
      log(`round ${n + 1}: ${side} ${Math.round(found[side].tasks_per_s)} tasks/s`)
    }
    const { one, many } = found
    if (one !== undefined && many !== undefined) rounds.push({ one, many })
  }
  return { tenants, tasks, rounds }
}
