/**
 * What does a queue of 100,000 tasks cost, and is any of them published twice? `node
 * bench/queued/main.ts [--tasks 100000] [--hold 40] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { measureQueued } from './measure-queued.ts'
import { queuedTargets, renderQueued } from './queued-report.ts'

const Options = z.strictObject({
  tasks: numberOption(100_000),
  hold: numberOption(40),
  json: z.string().optional(),
})

const { json, tasks, hold } = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const found = await measureQueued({ tasks, holdSeconds: hold, env: process.env, log })
writeReport({
  report: {
    bench: 'queued',
    machine,
    started_at,
    found: { ...found, targets: queuedTargets(found) },
    lines: renderQueued(found),
  },
  json,
  out,
})
