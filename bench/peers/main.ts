/**
 * How fast is the swarm beside what others use? The same job of three steps on BullMQ,
 * graphile-worker, DBOS, Restate, LangGraph.js and Mastra, and one hop of a stream, interleaved:
 * `node bench/peers/main.ts [--rounds 5] [--tasks 8000] [--json <file>]`.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { peersRatios, renderPeers } from './speed/peers-report.ts'
import { runPeers } from './speed/run-peers.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  tasks: numberOption(8_000),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const out = (line: string): void => void process.stdout.write(`${line}\n`)
const log = (line: string): void => void process.stderr.write(`${line}\n`)

const machine = describeMachine()
const started_at = new Date()
const { rounds, tasks } = options
const found = await runPeers({ rounds, tasks, env: process.env, commit: machine.commit, log })
writeReport({
  report: {
    bench: 'peers',
    machine,
    started_at,
    found: { ...found, ratios: peersRatios(found) },
    lines: renderPeers(found),
  },
  json: options.json,
  out,
})
