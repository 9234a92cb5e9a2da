/**
 * What does the cascade add to a question? `node bench/router/main.ts [--questions 200]
 * [--rounds 5] [--json <file>]`. The same question to the same server over HTTP, in turns: by the
 * SDK alone; by the cascade on circuits of its own; on those of a record with fsync, with a look
 * for each question, as it was once; on the same as they are; and with a goal that pays for it.
 */
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { median } from '../report/figures.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { measureRouter, type Way, WAYS } from './measure-router.ts'

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
const addedBy = (way: Way) => ({
  p50_ms: median(rounds.map((round) => round[way].p50 - round.sdk.p50)),
  cpu_ms: median(rounds.map((round) => round[way].cpuMs - round.sdk.cpuMs)),
})
const added = {
  own: addedBy('own'),
  looked: addedBy('looked'),
  record: addedBy('record'),
  paid: addedBy('paid'),
}
const NAMES = {
  own: 'with circuits of its own',
  looked: 'with those of the record, looked at each time',
  record: 'with those of the record',
  paid: 'with those of the record, and a goal that pays',
}
const isMet = added.record.p50_ms <= MOST_MS
writeReport({
  report: {
    bench: 'router',
    machine,
    started_at,
    found: { questions: options.questions, rounds, added },
    lines: [
      ...rounds.map(
        (round, at) =>
          `round ${at + 1}: p50 ${WAYS.map((way) => `${way} ${round[way].p50.toFixed(2)}`).join(
            ', ',
          )} ms; CPU ${WAYS.map((way) => `${way} ${round[way].cpuMs.toFixed(2)}`).join(', ')} ms`,
      ),
      `added to the SDK alone, median of ${options.rounds} rounds:`,
      ...(['own', 'looked', 'record', 'paid'] as const).map(
        (way) =>
          `  ${added[way].p50_ms.toFixed(2)} ms at p50, ${added[way].cpu_ms.toFixed(2)} ms of ` +
          `CPU: ${NAMES[way]}`,
      ),
      `<= ${MOST_MS} ms at p50 with circuits of the record: ${isMet ? 'met' : 'NOT MET'}`,
    ],
  },
  json: options.json,
  out: (line) => void process.stdout.write(`${line}\n`),
})
