/**
 * How far below its ceiling is the swarm? The product, and the same streams and the same writes
 * with one SQL function a batch, no validation and no framework, in turn: `node
 * bench/ceiling/main.ts [--rounds 5] [--tasks 10000] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { ceilingRatios, renderCeiling } from './ceiling-report.ts'
import { runCeiling } from './run-ceiling.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  tasks: numberOption(10_000),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const { rounds: wanted, tasks } = options
const ceiling = await runCeiling({ rounds: wanted, tasks, env: process.env, log })
writeReport({
  report: {
    bench: 'ceiling',
    machine,
    started_at,
    found: { tasks, ...ceiling, ratios: ceilingRatios(ceiling.rounds) },
    lines: renderCeiling(ceiling),
  },
  json: options.json,
  out,
})
