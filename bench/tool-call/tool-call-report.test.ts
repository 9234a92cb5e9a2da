import { expect, test } from 'vitest'

import { renderToolCalls, summarizeToolCalls } from './tool-call-report.ts'

const round = (bare: number, granted: number) => ({
  bare_per_s: bare,
  granted_per_s: granted,
  ratio: granted / bare,
  bare_cpu_ms: 0.5,
  granted_cpu_ms: 1,
  commits_per_call: 0.1,
})

test('the ratio is the median of the ratios of rounds', () => {
  const rounds = [round(1_000, 600), round(100, 40), round(1_000, 550)]
  expect(summarizeToolCalls(rounds)).toMatchObject({ ratio: 0.55, is_met: true })
  expect(renderToolCalls(rounds).at(-1)).toBe('ratio 0.55, wanted >= 0.5: met')
})

test('a ratio below the wanted one is said to be', () => {
  expect(renderToolCalls([round(1_000, 499)]).at(-1)).toContain('NOT MET')
})
