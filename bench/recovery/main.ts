/**
 * How soon does a killed process do what it held, and how long does a goal take on an idle stack?
 * `node bench/recovery/main.ts [--rounds 10] [--goals 50] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { DEATHS } from './deaths.ts'
import { killRepeatedly } from './kill-processes.ts'
import { postGoals } from './post-goals.ts'
import { type Found, recoveryTargets, renderRecovery } from './recovery-report.ts'

const Options = z.strictObject({
  rounds: numberOption(10),
  goals: numberOption(50),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)
const { rounds, goals } = options

const machine = describeMachine()
const started_at = new Date()
const found: Found = { recoveries: [], passages: [] }
log(`${goals} goals, one after the other`)
found.passages = await postGoals({ goals, env: process.env })
for (const death of DEATHS) {
  log(`${death.process}: ${rounds} deaths at ${death.at}`)
  found.recoveries.push({
    death,
    rounds: await killRepeatedly({ death, rounds, env: process.env }),
  })
}
const targets = recoveryTargets(found)
writeReport({
  report: {
    bench: 'recovery',
    machine,
    started_at,
    found: { ...found, targets },
    lines: renderRecovery(found, targets),
  },
  json: options.json,
  out,
})
