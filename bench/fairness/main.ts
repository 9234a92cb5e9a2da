/**
 * How long does a tenant with ten tasks wait beside one with a hundred thousand?
 * `node bench/fairness/main.ts [--rounds 3] [--tasks 100000] [--posts 10] [--json <file>]`.
 */
import { openDatabase } from '@chimera/infra/database/open-database'
import { openLog } from '@chimera/runtime/log'
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { openBenchStack, openStateDir } from '../stack/bench-stack.ts'
import { fairnessTargets, renderFairness } from './fairness-report.ts'
import { type FairRound, measureFairness } from './measure-fairness.ts'
import { addTenant } from './post-as-tenant.ts'

const Options = z.strictObject({
  rounds: numberOption(3),
  tasks: numberOption(100_000),
  posts: numberOption(10),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const rounds: FairRound[] = []
{
  using folder = openStateDir()
  await using stack = await openBenchStack({
    stateDir: folder.stateDir,
    env: { ...process.env, SWARM_TOOLS: 'off' },
  })
  const { urls } = await stack.report()
  const silent = openLog({ name: 'bench', level: 'silent' })
  await using database = openDatabase({ url: urls.postgres, name: 'bench', log: silent, max: 2 })
  const [big, small] = [await addTenant(database, 'big'), await addTenant(database, 'small')]
  const scene = { database, redis: stack.redis(), big, small, posts: options.posts }
  log('warming up')
  await measureFairness({ ...scene, tasks: 1_000, posts: 2 })
  for (let round = 1; round <= options.rounds; round += 1) {
    log(`round ${round}: alone, then beside ${options.tasks} tasks`)
    rounds.push(await measureFairness({ ...scene, tasks: options.tasks }))
  }
}
const targets = fairnessTargets(rounds)
writeReport({
  report: {
    bench: 'fairness',
    machine,
    started_at,
    found: { rounds, targets },
    lines: renderFairness(rounds, options.tasks),
  },
  json: options.json,
  out,
})
