/**
 * Does a new task cost more the more there are behind it? Two stacks in turn, one of which has a
 * history: `node bench/growth/main.ts [--rounds 5] [--tasks 10000] [--history 1000000]
 * [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { growthRatios, renderGrowth } from './growth-report.ts'
import { runGrowth } from './run-growth.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  tasks: numberOption(10_000),
  history: numberOption(1_000_000),
  json: z.string().optional(),
})

const { json, ...options } = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const found = await runGrowth({ ...options, env: process.env, log })
writeReport({
  report: {
    bench: 'growth',
    machine,
    started_at,
    found: { ...found, ratios: growthRatios(found.rounds) },
    lines: renderGrowth(found),
  },
  json,
  out,
})
