/**
 * How long does a task take while the swarm is neither full nor asleep, and how long beside BullMQ?
 * `node bench/latency/main.ts [--rounds 5] [--rate 500] [--seconds 10] [--slow 15]
 * [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { latencyRatios, renderLatency } from './latency-report.ts'
import { runLatency } from './run-latency.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  rate: numberOption(500),
  seconds: numberOption(10),
  slow: numberOption(15),
  json: z.string().optional(),
})

const { json, slow, ...options } = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const found = await runLatency({ ...options, slowSeconds: slow, env: process.env, log })
writeReport({
  report: {
    bench: 'latency',
    machine,
    started_at,
    found: { ...found, ratios: latencyRatios(found) },
    lines: renderLatency(found),
  },
  json,
  out,
})
