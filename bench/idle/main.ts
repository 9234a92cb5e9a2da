/**
 * What does a stack cost that has nothing to do?
 * `node bench/idle/main.ts [--rounds 1] [--seconds 60] [--settle 300] [--json <file>]`.
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
  /**
   * Starting is work too. V8 collects its garbage for some minutes, in every process, which costs
   * more than all that a resting stack does: with 15 s it is in the figures.
   */
  settle: numberOption(300),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const { rounds: wanted, seconds, settle } = options
const rounds = await measureIdle({ rounds: wanted, seconds, settle, env: process.env, log })
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
