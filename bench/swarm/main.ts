/**
 * How many tasks a second pass all three roles, how long does one take, and what does it write?
 * `node bench/swarm/main.ts [--rounds 3] [--tasks 20000] [--rate 500] [--seconds 10]
 * [--json <file>]`.
 */
import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { measureBurst, productLine } from './measure-burst.ts'
import { measurePace } from './measure-pace.ts'
import { renderSwarm, type SwarmFound, swarmTargets } from './swarm-report.ts'

const Options = z.strictObject({
  rounds: numberOption(3),
  tasks: numberOption(20_000),
  rate: numberOption(500),
  seconds: numberOption(10),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const found: SwarmFound = { bursts: [], paces: [] }
{
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...process.env, SWARM_TOOLS: 'off' },
  })
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 1 })
  const { tasks, rate: perSecond, seconds } = options
  const line = await productLine(stack)
  log('warming up')
  await measureBurst({ line, database, tasks: 1_000, name: 'warm', statisticsMs: 0 })
  for (let round = 1; round <= options.rounds; round += 1) {
    log(`round ${round}: ${tasks} tasks at once, then ${perSecond} a second for ${seconds} s`)
    found.bursts.push(await measureBurst({ line, database, tasks, name: `burst${round}` }))
    const name = `pace${round}`
    found.paces.push(await measurePace({ stack, database, perSecond, seconds, name }))
  }
}
writeReport({
  report: {
    bench: 'swarm',
    machine,
    started_at,
    found: { ...found, targets: swarmTargets(found) },
    lines: renderSwarm(found),
  },
  json: options.json,
  out,
})
