/**
 * What do grant, claim, ledger and receipt cost a tool call? Against the same SDK's bare server, in
 * turn: `node bench/tool-call/main.ts [--rounds 5] [--calls 4000] [--lanes 64] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { measureToolCalls } from './measure-tool-calls.ts'
import { renderToolCalls, summarizeToolCalls } from './tool-call-report.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  calls: numberOption(4_000),
  lanes: numberOption(64),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const { rounds: wanted, calls, lanes } = options
const rounds = await measureToolCalls({ rounds: wanted, calls, lanes, env: process.env, log })
writeReport({
  report: {
    bench: 'tool-call',
    machine,
    started_at,
    found: { calls, lanes, rounds, in_all: summarizeToolCalls(rounds) },
    lines: renderToolCalls(rounds),
  },
  json: options.json,
  out,
})
