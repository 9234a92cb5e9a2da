import { renderTable } from '@chimera/cli/terminal-table'

import { median, type Summary, shown } from '../report/figures.ts'
import { type Ratio, ratiosOf, renderRatios } from '../report/ratios.ts'

/** So many tasks a second, for so long. */
export type Turn = Readonly<{ perSecond: number; seconds: number }>

/** Milliseconds, as the record has them. */
export type Waits = Readonly<{ ready_to_judged: Summary; posted_to_claimed: Summary }>
/** Milliseconds, as the program has them that submits the jobs and does the last step. */
export type PeerWaits = Readonly<{ three_hops: Summary }>

type Pair = Readonly<{ swarm: Waits; bullmq: PeerWaits }>

/** At the rate, and at one task a second. */
export type LatencyRound = Readonly<{ fast: Pair; slow: Pair }>

export type LatencyFound = Readonly<{
  rate: number
  version: string
  rounds: readonly LatencyRound[]
}>

/** Design.md section 11, against BullMQ's three hops of the same round. */
const AT_MOST = { p50: 1.3, p99: 0.6, claimed: 2 } as const
/** A swarm that had nothing to do is not slower than one that is busy. */
const SLOW_OF_FAST = 1

export function latencyRatios({ rate, rounds }: LatencyFound): Ratio[] {
  const each = (of: (round: LatencyRound) => number): number[] => rounds.map(of)
  const hops = (pace: 'fast' | 'slow', of: 'p50' | 'p99') =>
    each((round) => round[pace].bullmq.three_hops[of])
  const judged = (pace: 'fast' | 'slow', of: 'p50' | 'p99') =>
    each((round) => round[pace].swarm.ready_to_judged[of])
  const claimed = (pace: 'fast' | 'slow') =>
    each((round) => round[pace].swarm.posted_to_claimed.p50)
  return [
    ratiosOf({
      what: `${rate}/s: ready to judged / BullMQ's three hops, p50`,
      of: judged('fast', 'p50'),
      to: hops('fast', 'p50'),
      atMost: AT_MOST.p50,
    }),
    ratiosOf({
      what: `${rate}/s: the same, p99`,
      of: judged('fast', 'p99'),
      to: hops('fast', 'p99'),
      atMost: AT_MOST.p99,
    }),
    ratiosOf({
      what: `${rate}/s: posted to claimed / BullMQ's three hops, p50`,
      of: claimed('fast'),
      to: hops('fast', 'p50'),
      atMost: AT_MOST.claimed,
    }),
    ratiosOf({
      what: `ready to judged at 1/s / at ${rate}/s, p50`,
      of: judged('slow', 'p50'),
      to: judged('fast', 'p50'),
      atMost: SLOW_OF_FAST,
    }),
    ratiosOf({
      what: `posted to claimed at 1/s / at ${rate}/s, p50`,
      of: claimed('slow'),
      to: claimed('fast'),
      atMost: SLOW_OF_FAST,
    }),
    ratiosOf({
      what: "1/s: ready to judged / BullMQ's three hops, p50",
      of: judged('slow', 'p50'),
      to: hops('slow', 'p50'),
    }),
  ]
}

export function renderLatency(found: LatencyFound): string[] {
  const { rate, version, rounds } = found
  const row = (what: string, of: (pair: Pair) => Summary): string[] => [
    what,
    ...(['fast', 'slow'] as const).flatMap((pace) =>
      (['p50', 'p99'] as const).map((at) =>
        shown(median(rounds.map((round) => of(round[pace])[at])), 'ms'),
      ),
    ),
  ]
  return [
    `No-op tasks of one-task goals at ${rate} a second and at one; medians of the rounds.`,
    'Ours by the clock of the record: a time is when the transaction began that wrote it.',
    `BullMQ ${version}: a flow of three jobs and one UPDATE, from its submission to that commit.`,
    '',
    ...renderTable(
      ['', `${rate}/s p50`, 'p99', '1/s p50', 'p99'],
      [
        row('swarm, ready to judged', ({ swarm }) => swarm.ready_to_judged),
        row('swarm, posted to claimed', ({ swarm }) => swarm.posted_to_claimed),
        row('BullMQ, three hops', ({ bullmq }) => bullmq.three_hops),
      ],
    ),
    '',
    ...renderTable(
      ['round', 'swarm p50', 'p99', 'BullMQ p50', 'p99'],
      rounds.map(({ fast }, n) => [
        n + 1,
        shown(fast.swarm.ready_to_judged.p50, 'ms'),
        shown(fast.swarm.ready_to_judged.p99, 'ms'),
        shown(fast.bullmq.three_hops.p50, 'ms'),
        shown(fast.bullmq.three_hops.p99, 'ms'),
      ]),
    ),
    '',
    ...renderRatios(latencyRatios(found)),
  ]
}
