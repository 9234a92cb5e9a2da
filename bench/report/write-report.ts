import { writeFileSync } from 'node:fs'

import { lookAtWeather, type Machine, renderMachine } from './machine.ts'

/** What a bench found: everything as JSON, the gist as lines. */
export type BenchReport = Readonly<{
  bench: string
  machine: Machine
  started_at: Date
  /** Per round and in all; whatever the bench measures. */
  found: object
  lines: readonly string[]
}>

/** Prints the lines and writes the JSON beside them, where a file is named. */
export function writeReport(options: {
  report: BenchReport
  json: string | undefined
  out: (line: string) => void
}): void {
  const { bench, machine, started_at, found, lines } = options.report
  const took_s = Math.round((Date.now() - started_at.getTime()) / 1000)
  const after = lookAtWeather()
  const heading = [`${bench}: ${took_s} s`, ...renderMachine(machine, after)]
  for (const line of ['', ...heading, '', ...lines]) options.out(line)
  if (options.json === undefined) return
  const document = { bench, started_at, took_s, machine: { ...machine, after }, ...found }
  writeFileSync(options.json, `${JSON.stringify(document, null, 2)}\n`)
  options.out(`\nJSON: ${options.json}`)
}
