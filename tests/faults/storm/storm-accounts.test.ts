import { expect } from 'vitest'

import { guarantee, sampleSize } from '../../guarantee.ts'
import { runStorm } from './run-storm.ts'

const SEED = 20_251
const n = sampleSize({ ci: 90, full: 6_000 })
const kills = sampleSize({ ci: 9, full: 150 })
const stops = sampleSize({ ci: 3, full: 60 })
const xFaults = sampleSize({ ci: 9, full: 180 })
const overMs = sampleSize({ ci: 8_000, full: 300_000 })
const settleWithinMs = sampleSize({ ci: 60_000, full: 300_000 })

guarantee(
  {
    id: 'storm-accounts',
    title: `three accounts under ${kills} kills and ${stops} stops: each agent's own, and once`,
    n,
    seed: SEED,
    timeoutMs: overMs + settleWithinMs + 240_000,
  },
  async ({ random, seed }) => {
    const size = { kills, stops, xFaults, overMs }
    const storm = await runStorm({ random, n, size, settleWithinMs, accounts: ['b', 'c'] })
    const { checked, accountsUsed, fired, settledInMs, seconds } = storm
    const { counts, findings } = checked
    const line = { seed, posted: n, ...counts, accountsUsed, fired, settledInMs, seconds }
    process.stdout.write(`${JSON.stringify(line)}\n`)
    expect(findings.slice(0, 20)).toEqual([])
    expect(settledInMs, 'everything settles').toBeDefined()
    expect(counts.completed).toBe(n)
    // A run in which one account did everything would prove nothing of the others.
    for (const [account, posts] of Object.entries(accountsUsed)) {
      expect(posts, account).toBeGreaterThan(n / 10)
    }
  },
)
