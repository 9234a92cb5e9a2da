import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { TaskPayload } from '@chimera/contracts/task-payload'
import { describe, expect, test } from 'vitest'

import { planOfModel, type ProposedTask } from './model-planner.ts'

const TEXT = 'Pay 10 USDC to alice and 2.5 USDC to bob, then write a tweet about the launch'

const task = (over: Partial<ProposedTask> & Pick<ProposedTask, 'kind' | 'quotes'>) => ({
  name: 't1',
  after: [],
  ...over,
})
const plan = (tasks: readonly ProposedTask[], text = TEXT) =>
  planOfModel({
    tenant: DEFAULT_TENANT,
    goalId: 'g-1',
    receivedMs: 1,
    goal: { text, mode: 'paper', max_cost_usd: 1 },
    tasks,
  })

const pay = (name: string, amount: string, to: string) =>
  task({ name, kind: 'wallet.transfer', quotes: { amount, asset: 'USDC', to } })

describe('a plan of a model', () => {
  const tasks = [
    pay('t1', '10', 'alice'),
    pay('t2', '2.5', 'bob'),
    task({
      name: 't3',
      kind: 'agent.write',
      after: ['t1', 't2'],
      quotes: { instruction: 'write a tweet about the launch' },
    }),
  ]

  test('has a slot for each effect, and every parameter stands in the goal', () => {
    const { planner, slots, tasks: planned, hash } = plan(tasks)
    expect(planner).toBe('model@1')
    expect(slots).toEqual([
      { slot: 'pay:1', tool: 'transfer_erc20', limit: 1 },
      { slot: 'pay:2', tool: 'transfer_erc20', limit: 1 },
      { slot: 'publish', tool: 'post_tweet', limit: 1 },
    ])
    expect(planned.map(({ dependsOn }) => dependsOn.length)).toEqual([0, 0, 2])
    for (const { payload } of planned) {
      expect(TaskPayload.parse(payload)).toEqual(payload)
      if (!('origin' in payload)) throw new Error('no origin')
      for (const [name, pointer] of Object.entries(payload.origin)) {
        if (pointer.source !== 'goal') throw new Error('not the owner’s')
        const value = Object.entries(payload).find(([key]) => `/${key}` === name)?.[1]
        expect(TEXT.slice(...(pointer.span ?? []))).toBe(value)
      }
    }
    expect(plan(tasks).hash).toBe(hash)
  })

  test('numbers tweets, and shares what the goal may cost', () => {
    const post = (name: string, text: string) =>
      task({ name, kind: 'tweet.post', quotes: { text } })
    const { slots, tasks: planned } = plan([
      post('t1', 'alice'),
      post('t2', 'bob'),
      post('t3', 'the'),
    ])
    expect(slots.map(({ slot }) => slot)).toEqual(['publish', 'publish:2', 'publish:3'])
    expect(planned.map(({ constraints }) => constraints.max_cost_usd)).toEqual(
      Array.from({ length: 3 }, () => 0.333333),
    )
  })

  test.each<[string, ProposedTask[], RegExp]>([
    ['words of its own', [pay('t1', '10', 'mallory')], /quotes.to has to be words of the goal/],
    ['half a number', [pay('t1', '1', 'alice')], /quotes.amount has to be words/],
    ['a parameter too few', [task({ kind: 'agent.write', quotes: {} })], /quotes.instruction/],
    [
      'a parameter too many',
      [task({ kind: 'agent.write', quotes: { instruction: 'write a tweet', slot: 'Pay' } })],
      /takes no slot/,
    ],
    [
      'a post that is none',
      [task({ kind: 'agent.engage', quotes: { in_reply_to: 'alice', instruction: 'write' } })],
      /in_reply_to/,
    ],
    ['no tasks', [], /0 tasks/],
    ['one name twice', [pay('t1', '10', 'alice'), pay('t1', '2.5', 'bob')], /one name/],
    ['a parent that is not there', [{ ...pay('t1', '10', 'alice'), after: ['t9'] }], /after t9/],
    [
      'a circle',
      [
        { ...pay('t1', '10', 'alice'), after: ['t2'] },
        { ...pay('t2', '2.5', 'bob'), after: ['t1'] },
      ],
      /waits for/,
    ],
  ])('with %s is refused', (_what, proposed, reason) => {
    expect(() => plan(proposed)).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID', message: expect.stringMatching(reason) }),
    )
  })
})
