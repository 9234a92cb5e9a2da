/**
 * What does a stack cost that has nothing to do?
 * `node bench/idle/main.ts [--rounds 1] [--seconds 60] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { idleTargets, renderIdle } from './idle-report.ts'
import { measureIdle } from './measure-idle.ts'

const Options = z.strictObject({
  rounds: numberOption(1),
  seconds: numberOption(60),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const { rounds: wanted, seconds } = options
const rounds = await measureIdle({ rounds: wanted, seconds, env: process.env, log })
const targets = idleTargets(rounds)
writeReport({
  report: {
    bench: 'idle',
    machine,
    started_at,
    found: { rounds, targets },
    lines: renderIdle(rounds, targets),
  },
  json: options.json,
  out,
})
