import { expect, test } from 'vitest'

import { loadQuestionSet } from './question-set.ts'
import { renderRecall } from './recall-report.ts'

test('a report says whether the latency is what it should be, and what is found', () => {
  const lexical = { at1: 0.5, at5: 0.75, missed: [] }
  const round = (askers: number, p95: number) => ({
    askers,
    recall_ms: { p50: 5, p95, max: 300 },
    cpu: { own_ms: 2, server_ms: null },
    load: 1,
  })
  const mib = { own: 90, server: 150 }
  const latency = {
    agents: 5,
    memories: 10_000,
    questions: 300,
    remember_ms: 1,
    first_ms: { p50: 120, max: 150 },
    alone: [round(1, 300), round(1, 99)],
    together: [round(4, 101), round(4, 102)],
    crowd: { ...round(1, 150), agents: 10 },
    memory_mib: { before: mib, warm: mib, crowd: mib },
  }
  const found = { backend: 'postgres', lexical, hybrid: { ...lexical, at5: 0.9 }, latency }
  const [, alone, together, ...others] = renderRecall([found])
  expect(alone).toContain('1 at a time')
  expect(alone).toContain('(p95 <= 100 ms: met); p95 of the worst of 2 rounds 300 ms')
  expect(together).toContain('(p95 <= 100 ms: NOT MET)')
  expect(others.join('\n')).toContain('recall@5 75.0 % by words alone, 90.0 % hybrid')
})

test('the set has two hundred questions, and memories that stand in their way', () => {
  const { pairs, distractors } = loadQuestionSet()
  expect(pairs).toHaveLength(200)
  expect(new Set(pairs.map(({ question }) => question)).size).toBe(200)
  expect(distractors.length).toBeGreaterThanOrEqual(50)
})
