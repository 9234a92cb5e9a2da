import { expect } from 'vitest'

import { guarantee, sampleSize } from '../../guarantee.ts'
import { checkActivity } from '../checker/check-activity.ts'
import { runStorm, type Storm } from './run-storm.ts'

const SEED = 20_250
const n = sampleSize({ ci: 500, full: 20_000 })
const kills = sampleSize({ ci: 25, full: 400 })
const stops = sampleSize({ ci: 12, full: 200 })
const xFaults = sampleSize({ ci: 24, full: 480 })
const overMs = sampleSize({ ci: 60_000, full: 900_000 })
// Of a full storm thousands are still in line when the last fault is over.
const settleWithinMs = sampleSize({ ci: 60_000, full: 300_000 })

guarantee(
  {
    id: 'storm',
    title: `${kills} kills and ${stops} stops at random: nothing is lost, doubled or said wrongly`,
    n,
    seed: SEED,
    timeoutMs: overMs + settleWithinMs + 240_000,
  },
  async ({ random, seed }) => {
    const size = { kills, stops, xFaults, overMs }
    const storm = await runStorm({ random, n, size, settleWithinMs })
    const line = report(seed, storm)
    process.stdout.write(`${JSON.stringify(line)}\n`)
    const { findings, counts } = storm.checked
    expect(findings.slice(0, 20)).toEqual([])
    expect(storm.settledInMs, 'everything settles').toBeDefined()
    expect(storm.unknownAtEnd).toBeLessThanOrEqual(n / 100)
    const fired = sums(storm.fired)
    const least = {
      kill: kills,
      stop: stops,
      x: xFaults,
      'post cut': 2,
      // In a short storm the few hangs may all meet X while it is dead.
      ...(n >= 5_000 ? { 'post hung': 2 } : {}),
      'post taken, 503': 2,
      'post not taken': 2,
    }
    expect(checkActivity({ planned: n, succeeded: counts.completed, fired, least })).toEqual([])
  },
)

function report(seed: number, { checked, fired, ...storm }: Storm): object {
  const { counts, findings } = checked
  const verdicts = Map.groupBy(findings, ({ verdict }) => verdict)
  const found = [...verdicts].map(([verdict, of]) => [verdict, of.length])
  return {
    seed,
    fired,
    posted: n,
    accepted: counts.accepted,
    completed: counts.completed,
    confirmed: counts.confirmed,
    failed_honestly: counts.failedHonestly,
    unknown_at_end_of_faults: storm.unknownAtEnd,
    settled_in_ms: storm.settledInMs ?? null,
    found: Object.fromEntries(found),
    seconds: storm.seconds,
  }
}

/** `kill worker` and `kill judge` are both a `kill`, too. */
function sums(fired: Storm['fired']): Record<string, number> {
  const all: Record<string, number> = { ...fired }
  for (const [what, times] of Object.entries(fired)) {
    const [kind = ''] = what.split(' ')
    all[kind] = (all[kind] ?? 0) + times
  }
  return all
}
