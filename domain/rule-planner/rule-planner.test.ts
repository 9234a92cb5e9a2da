import { Goal } from '@chimera/contracts/goal'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { DEFAULT_RULES } from '@chimera/contracts/judging/provenance'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { describe, expect, test } from 'vitest'

import { planByRules } from './rule-planner.ts'

const plan = (goal: unknown) =>
  planByRules({ tenant: DEFAULT_TENANT, goalId: 'g-1', receivedMs: 1, goal: Goal.parse(goal) })

describe('a plan by rules', () => {
  test('is the very same whenever it is made', () => {
    const goal = { text: 'publish a tweet: hello' }
    expect(plan(goal)).toEqual(plan(goal))
    expect(plan(goal)).toMatchObject({
      planner: 'rules@1',
      slots: [{ slot: 'publish', tool: 'post_tweet', limit: 1 }],
      tasks: [{ type: 'CONTENT_GEN', kind: 'tweet.post', dependsOn: [] }],
    })
  })

  test('of the same goal in words and in parameters differs only in where values came from', () => {
    const [words] = plan({ text: 'publish a tweet: hello' }).tasks
    const [params] = plan({ kind: 'tweet.post', params: { text: 'hello' } }).tasks
    expect({ ...words?.payload, origin: {} }).toEqual({ ...params?.payload, origin: {} })
    expect(words?.id).toBe(params?.id)
  })

  test('gives each task what the goal may cost, and a drill nothing', () => {
    expect(plan({ text: 'generic: x' }).tasks[0]?.constraints).toEqual({ max_cost_usd: 1 })
    const own = plan({ text: 'generic: x', max_cost_usd: 7.5, voice_ref: 'bard.md' })
    expect(own.tasks[0]?.constraints).toEqual({ max_cost_usd: 7.5, voice_ref: 'bard.md' })
    expect(plan({ text: 'noop 1' }).tasks[0]?.constraints).toEqual({})
  })

  test('of a drill of 500 has 500 tasks with ids of their own', () => {
    const { tasks } = plan({ text: 'noop 500' })
    expect(new Set(tasks.map(({ id }) => id)).size).toBe(500)
    expect(tasks.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 500 }, (_, index) => ({ kind: 'noop', index })),
    )
  })

  test.each([
    'publish a tweet: hi',
    'reply to 12: hi',
    'pay 1.5 USDC to alice',
    'trade scan btc, eth',
    'research: why?',
    'generic: x',
    'noop 3',
  ])('of %j holds payloads that fit the wire, with a true pointer for each argument', (text) => {
    const { tasks } = plan({ text })
    for (const { payload } of tasks) {
      expect(TaskPayload.parse(payload)).toEqual(payload)
      if (!('origin' in payload && 'slot' in payload)) continue
      const { kind: _kind, slot: _slot, origin, ...args } = payload
      for (const [name, value] of Object.entries(args)) {
        const pointer = origin[`/${name}`]
        if (pointer?.source === 'default') expect(DEFAULT_RULES[pointer.rule]).toEqual(value)
        else if (pointer?.source === 'goal') expect(text.slice(...(pointer.span ?? []))).toBe(value)
        else throw new Error(`${name} has no pointer`)
      }
    }
  })

  test('of a goal in words that mean nothing here is refused with what is understood', () => {
    expect(() => plan({ text: 'make me rich' })).toThrow(
      expect.objectContaining({
        code: 'GOAL_NOT_UNDERSTOOD',
        message: expect.stringContaining('publish a tweet: <text>'),
      }),
    )
  })
})
