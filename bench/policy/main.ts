/**
 * How long does the policy that ships take to decide? `node bench/policy/main.ts [--decisions
 * 200000] [--rounds 5] [--json <file>]`. One request after the other, each built anew.
 */
import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { type CompiledPolicy, compilePolicy } from '@chimera/domain/policy/compile-policy'
import { evaluatePolicy } from '@chimera/domain/policy/evaluate-policy'
import { DEFAULT_POLICY } from '@chimera/infra/policies/default-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import { z } from 'zod'

import { numberOption, readBenchOptions } from '../report/bench-options.ts'
import { describeMachine } from '../report/machine.ts'
import { writeReport } from '../report/write-report.ts'
import { payment, tweet } from './requests.ts'

const Options = z.strictObject({
  rounds: numberOption(5),
  decisions: numberOption(200_000),
  json: z.string().optional(),
})

const options = readBenchOptions(Options, process.argv.slice(2))
const started_at = new Date()
const compiledAt = performance.now()
const policy = compiled()
const compile_ms = performance.now() - compiledAt

function compiled(): CompiledPolicy {
  const made = compilePolicy(readPolicy(DEFAULT_POLICY), 0)
  if ('faults' in made) throw new Error('The policy that ships is none.')
  return made
}

/** Microseconds of this process's CPU for one decision: others may be using the machine. */
function measure(make: (n: number) => PolicyRequest): number {
  const from = process.cpuUsage()
  for (let n = 0; n < options.decisions; n += 1) {
    const { rules } = evaluatePolicy(policy, make(n))
    if (rules.length === 0) throw new Error('A decision by no rule: not what is measured here.')
  }
  const { user, system } = process.cpuUsage(from)
  return (user + system) / options.decisions
}

const rounds = Array.from({ length: options.rounds }, () => ({
  tweet_us: measure(tweet),
  payment_us: measure(payment),
}))
const middle = (values: number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
const in_all = {
  compile_ms,
  tweet_us: middle(rounds.map((round) => round.tweet_us)),
  payment_us: middle(rounds.map((round) => round.payment_us)),
}
writeReport({
  report: {
    bench: 'policy',
    machine: describeMachine(),
    started_at,
    found: { decisions: options.decisions, rounds, in_all },
    lines: [
      `read and compiled in ${compile_ms.toFixed(1)} ms`,
      `CPU of one decision, median of ${options.rounds} rounds:`,
      `a tweet ${in_all.tweet_us.toFixed(2)} us`,
      `a live payment ${in_all.payment_us.toFixed(2)} us`,
    ],
  },
  json: options.json,
  out: (line) => void process.stdout.write(`${line}\n`),
})
