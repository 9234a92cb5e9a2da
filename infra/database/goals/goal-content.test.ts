import { Goal } from '@chimera/contracts/goal'
import { describe, expect, test } from 'vitest'

import { goalContent } from './goal-content.ts'

const hashOf = (goal: unknown): string => goalContent(Goal.parse(goal)).hash

describe('the content of a goal', () => {
  test('is what was accepted, without its id', () => {
    expect(goalContent(Goal.parse({ id: 'g-1', text: 'noop 1' })).content).toEqual({
      text: 'noop 1',
      mode: 'paper',
    })
  })

  test('is the same goal with its defaults spoken and unspoken, under any id', () => {
    const hash = hashOf({ text: 'noop 1' })
    const spoken = { mode: 'paper', agent_id: 'default', max_cost_usd: 1 }
    expect(hashOf({ text: 'noop 1', ...spoken })).toBe(hash)
    expect(hashOf({ text: 'noop 1', id: 'g-1' })).toBe(hash)
    // The same word in Unicode's two spellings.
    expect(hashOf({ text: 'generic: \u00E9' })).toBe(hashOf({ text: 'generic: e\u0301' }))
  })

  test('is another goal with any other word, limit or agent', () => {
    const goals = [
      { text: 'noop 1' },
      { text: 'noop 2' },
      { text: 'noop 1 ' },
      { text: 'noop 1', mode: 'live' },
      { text: 'noop 1', max_cost_usd: 2 },
      { text: 'noop 1', agent_id: 'other' },
      { text: 'noop 1', campaign_id: 'c' },
      { text: 'noop 1', voice_ref: 'bard.md' },
      { kind: 'noop', params: { count: 1 } },
    ]
    expect(new Set(goals.map((goal) => hashOf(goal))).size).toBe(goals.length)
  })

  test('holds nothing that the record cannot hold', () => {
    const goal = Goal.parse({ kind: 'generic', params: { 'a\u0000b': 'x' } })
    expect(() => goalContent(goal)).toThrow(expect.objectContaining({ code: 'INPUT_INVALID' }))
  })
})
