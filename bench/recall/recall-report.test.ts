import { expect, test } from 'vitest'

import { loadQuestionSet } from './question-set.ts'
import { renderRecall } from './recall-report.ts'

test('a report says whether the latency is what it should be, and what is found', () => {
  const lexical = { at1: 0.5, at5: 0.75, missed: [] }
  const recall_ms = { p50: 5, p95: 99, max: 200 }
  const latency = {
    agents: 5,
    memories: 10_000,
    first_ms: { p50: 120, max: 150 },
    recall_ms,
    rss_mib: { before: 90, after: 150 },
  }
  const found = { backend: 'postgres', lexical, hybrid: { ...lexical, at5: 0.9 }, latency }
  const met = renderRecall([found]).join('\n')
  expect(met).toContain('(p95 <= 100 ms: met)')
  expect(met).toContain('recall@5 75.0 % by words alone, 90.0 % hybrid')
  const late = { ...latency, recall_ms: { ...recall_ms, p95: 101 } }
  expect(renderRecall([{ ...found, latency: late }])[0]).toContain('NOT MET')
})

test('the set has two hundred questions, and memories that stand in their way', () => {
  const { pairs, distractors } = loadQuestionSet()
  expect(pairs).toHaveLength(200)
  expect(new Set(pairs.map(({ question }) => question)).size).toBe(200)
  expect(distractors.length).toBeGreaterThanOrEqual(50)
})
