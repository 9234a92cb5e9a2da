import { expect, test } from 'vitest'

import { summarize } from '../report/figures.ts'
import { type LatencyRound, renderLatency } from './latency-report.ts'

const pair = (judged: number[], claimed: number[], hops: number[]) => ({
  swarm: { ready_to_judged: summarize(judged), posted_to_claimed: summarize(claimed) },
  bullmq: { three_hops: summarize(hops) },
})

const round: LatencyRound = {
  fast: pair([6, 6, 20], [12, 12, 30], [5, 5, 40]),
  slow: pair([7, 7, 7], [11, 11, 11], [4, 4, 4]),
}

test('waits are compared with those of the same round, slow ones with those at the rate', () => {
  const lines = renderLatency({ rate: 500, version: '1.0.0', rounds: [round] }).join('\n')
  expect(lines).toMatch(/three hops, p50 +1\.20 .*<= 1\.3 +met/)
  expect(lines).toMatch(/the same, p99 +0\.50 .*<= 0\.6 +met/)
  expect(lines).toMatch(/posted to claimed \/ BullMQ's three hops, p50 +2\.40 .*<= 2 +NOT MET/)
  expect(lines).toMatch(/ready to judged at 1\/s \/ at 500\/s, p50 +1\.17 .*<= 1 +NOT MET/)
  expect(lines).toMatch(/posted to claimed at 1\/s \/ at 500\/s, p50 +0\.92 .*<= 1 +met/)
})
