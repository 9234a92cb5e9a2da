/**
 * What is left of the speed when the Worker dies again and again and handlers fail? `node
 * bench/killed-worker/main.ts [--rounds 5] [--seconds 20] [--every 5] [--percent 1]
 * [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { killedRatio, killedTargets, renderKilled } from './killed-report.ts'
import { runKilled } from './run-killed.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  seconds: numberOption(20),
  every: numberOption(5),
  percent: numberOption(1),
  json: z.string().optional(),
})

const { json, every, percent, ...options } = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const failShare = percent / 100
const found = await runKilled({
  ...options,
  killEverySeconds: every,
  failShare,
  env: process.env,
  log,
})
writeReport({
  report: {
    bench: 'killed-worker',
    machine,
    started_at,
    found: { ...found, ratios: [killedRatio(found)], targets: killedTargets(found) },
    lines: renderKilled(found),
  },
  json,
  out,
})
