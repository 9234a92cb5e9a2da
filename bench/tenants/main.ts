/**
 * What do many tenants cost? Bursts of goals of one and of many, in turn: `node
 * bench/tenants/main.ts [--rounds 5] [--tasks 10000] [--tenants 200] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { runTenants } from './run-tenants.ts'
import { renderTenants, tenantsRatios } from './tenants-report.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  tasks: numberOption(10_000),
  tenants: numberOption(200),
  json: z.string().optional(),
})

const { json, ...options } = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const found = await runTenants({ ...options, env: process.env, log })
writeReport({
  report: {
    bench: 'tenants',
    machine,
    started_at,
    found: { ...found, ratios: tenantsRatios(found) },
    lines: renderTenants(found),
  },
  json,
  out,
})
