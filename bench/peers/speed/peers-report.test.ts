import { expect, test } from 'vitest'

import { type Contestant, peersRatios, renderPeers } from './peers-report.ts'

const contestant = (id: string, per_s: number[], absent?: string): Contestant => ({
  id,
  name: id,
  version: '1.0.0',
  jobs: 100,
  per_s,
  faults: per_s.some(Number.isNaN) ? ['it did not end'] : [],
  ...(absent === undefined ? {} : { absent }),
})

const found = {
  jobs: [
    contestant('swarm', [600, 60, 900]),
    contestant('bullmq', [200, 20, Number.NaN]),
    contestant('dbos', [100, 10, 150]),
    contestant('restate', [], 'it cannot be installed'),
  ],
  consumers: [contestant('chimera', [50]), contestant('raw', [100]), contestant('bullmq', [10])],
}

const ratio = (what: string) => peersRatios(found).find((one) => one.what.startsWith(what))

test('a round that a peer did not end counts for nobody', () => {
  expect(ratio('swarm / bullmq')).toMatchObject({ rounds: [3, 3], median: 3 })
  expect(renderPeers(found).join('\n')).toContain('FAULT bullmq: it did not end')
})

test('each peer has the target of the design', () => {
  const lines = renderPeers(found).join('\n')
  expect(lines).toMatch(/swarm \/ bullmq.* >= 3 +met/)
  expect(lines).toMatch(/swarm \/ dbos.* >= 10 +NOT MET/)
  expect(lines).toMatch(/consumer \/ bullmq.* 5\.00 .*>= 4 +met/)
  expect(lines).toMatch(/consumer \/ raw.* 0\.50 .*>= 0\.4 +met/)
})

test('who is absent is named with the reason, and its target is not measured', () => {
  const lines = renderPeers(found).join('\n')
  expect(lines).toContain('ABSENT restate: it cannot be installed')
  expect(lines).toMatch(/swarm \/ restate.*NOT MEASURED/)
})
