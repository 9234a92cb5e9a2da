/**
 * How often does the world change when the process dies between the effect and its record? On
 * Chimera and on five frameworks, interleaved: `node bench/effects/main.ts [--rounds 5] [--json
 * <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { renderEffects } from './effects-report.ts'
import { runEffects } from './run-effects.ts'

const Options = z.strictObject({ rounds: numberOption(5), json: z.string().optional() })

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const contestants = await runEffects({
  rounds: options.rounds,
  env: process.env,
  commit: machine.commit,
  log,
})
writeReport({
  report: {
    bench: 'effects',
    machine,
    started_at,
    found: { rounds: options.rounds, contestants },
    lines: renderEffects(contestants),
  },
  json: options.json,
  out,
})
