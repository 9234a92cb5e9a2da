/**
 * What does the cascade add to a question? `node bench/router/main.ts [--questions 200]
 * [--rounds 5] [--json <file>]`. The same question to the same server over HTTP, in turns: by the
 * SDK alone, by the cascade on circuits of its own, by the cascade on those of a record with
 * fsync. Nobody pays: a reservation is what a cap costs, with a cascade and without one.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { median } from '../report/figures.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { measureRouter } from './measure-router.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  questions: numberOption(200),
  json: z.string().optional(),
})
/** More than this at the middle, and a question would notice it. */
const MOST_MS = 2

const options = readBenchOptions(Options, process.argv.slice(2))
const machine = describeMachine()
const started_at = new Date()
const rounds = await measureRouter({
  rounds: options.rounds,
  questions: options.questions,
  log: (line) => void process.stderr.write(`${line}\n`),
})
const added = {
  own_ms: median(rounds.map(({ sdk, own }) => own.p50 - sdk.p50)),
  record_ms: median(rounds.map(({ sdk, record }) => record.p50 - sdk.p50)),
}
writeReport({
  report: {
    bench: 'router',
    machine,
    started_at,
    found: { questions: options.questions, rounds, added },
    lines: [
      ...rounds.map(
        ({ sdk, own, record }, at) =>
          `round ${at + 1}: p50 ${sdk.p50.toFixed(2)} ms by the SDK alone, ${own.p50.toFixed(2)} ` +
          `with circuits of its own, ${record.p50.toFixed(2)} with those of the record`,
      ),
      `added at p50, median of ${options.rounds} rounds: ${added.own_ms.toFixed(2)} ms with ` +
        `circuits of its own, ${added.record_ms.toFixed(2)} ms with those of the record ` +
        `(<= ${MOST_MS} ms: ${added.record_ms <= MOST_MS ? 'met' : 'NOT MET'})`,
    ],
  },
  json: options.json,
  out: (line) => void process.stdout.write(`${line}\n`),
})
