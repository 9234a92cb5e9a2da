import { expect, test } from 'vitest'

import type { QueuedFound } from './measure-queued.ts'
import { renderQueued } from './queued-report.ts'

const found: QueuedFound = {
  tasks: 100_000,
  held_s: 40,
  queued_after_s: 30,
  drained_after_s: 60,
  unfinished: 0,
  peak_bytes: { planner: 180e6, judge: 299e6, postgres: 301e6 },
  published: [
    { stream: 'chimera:tasks:RESEARCH', entries: 100_001, subjects: 100_000, twice: 1 },
    { stream: 'chimera:results', entries: 100_002, subjects: 100_000, twice: 2 },
  ],
}

test('processes are held to the target one by one, and tasks to one entry each', () => {
  const lines = renderQueued(found).join('\n')
  expect(lines).toMatch(/largest process of ours, peak +299 MB +< 300 MB +met/)
  expect(lines).toMatch(/largest process of a server, peak +301 MB +< 300 MB +NOT MET/)
  expect(lines).toMatch(/tasks published more than once +1\.00 tasks +< 1 tasks +NOT MET/)
  expect(lines).toMatch(/tasks that were not done +0\.00 tasks +< 1 tasks +met/)
})
