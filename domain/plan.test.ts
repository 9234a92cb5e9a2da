import { describe, expect, test } from 'vitest'

import { freezePlan, type TaskDraft } from './plan.ts'

const generic = (id: string, dependsOn: readonly string[] = []): TaskDraft => ({
  id,
  payload: { kind: 'generic', text: id },
  constraints: {},
  dependsOn,
})
const tweet: TaskDraft = {
  id: 't',
  payload: {
    kind: 'tweet.post',
    slot: 'publish',
    text: 'hi',
    media_ids: [],
    is_ai_labeled: true,
    origin: {},
  },
  constraints: {},
  dependsOn: [],
}
const draft = { planner: 'test@1', slots: [], maxCostUsd: 1 }

describe('a frozen plan', () => {
  test('has its tasks in an order that can be worked, each with its type', () => {
    const { tasks } = freezePlan({ ...draft, tasks: [generic('b', ['a']), generic('a')] })
    expect(tasks.map(({ id, type, kind }) => [id, type, kind])).toEqual([
      ['a', 'RESEARCH', 'generic'],
      ['b', 'RESEARCH', 'generic'],
    ])
  })

  test('has a hash that every word of it changes', () => {
    const hashes = [
      { ...draft, tasks: [generic('a'), generic('b')] },
      { ...draft, tasks: [generic('a'), generic('b', ['a'])] },
      { ...draft, tasks: [generic('a'), generic('b')], planner: 'test@2' },
      { ...draft, tasks: [generic('a')], slots: [{ slot: 'publish', tool: 'x', limit: 1 }] },
      { ...draft, tasks: [generic('a')], slots: [{ slot: 'publish', tool: 'x', limit: 2 }] },
    ].map((plan) => freezePlan(plan).hash)
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test('holds no effect that it does not name, and none twice', () => {
    const slot = { slot: 'publish', tool: 'post_tweet', limit: 1 }
    expect(freezePlan({ ...draft, tasks: [tweet], slots: [slot] }).slots).toEqual([slot])
    expect(() => freezePlan({ ...draft, tasks: [tweet] })).toThrow(/names the slot publish/)
    expect(() => freezePlan({ ...draft, tasks: [tweet], slots: [slot, slot] })).toThrow(/twice/)
  })

  test('is refused when it is no bounded graph', () => {
    const tasks = [generic('a', ['b']), generic('b', ['a'])]
    expect(() => freezePlan({ ...draft, tasks })).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID' }),
    )
  })
})
