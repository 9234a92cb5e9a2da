import { describe, expect, it } from 'vitest'

import { decideReplan, type EndedPlan, MAX_REPLANS, replanFault } from './decide-replan.ts'
import { planShape } from './plan-shape.ts'

const ended = (over: Partial<EndedPlan> = {}): EndedPlan => ({
  plan: 1,
  shape: 'a',
  failures: [{ code: 'ATTEMPTS_EXHAUSTED', argsHash: 'one' }],
  tasksCompleted: 0,
  costUsdMicros: 0n,
  ...over,
})
const decide = (over: Partial<Parameters<typeof decideReplan>[0]> = {}) =>
  decideReplan({ ended: ended(), earlier: [], effectsHeld: 0, isAllowed: false, ...over })

describe('a goal whose plan was rejected', () => {
  it('gets another plan', () => {
    expect(decide()).toEqual({ outcome: 'plan' })
  })

  it('stops at the bound', () => {
    const at = (plan: number) =>
      decide({ ended: ended({ plan, failures: [{ code: 'X', argsHash: `${plan}` }] }) }).outcome
    expect([at(MAX_REPLANS), at(MAX_REPLANS + 1)]).toEqual(['plan', 'stop'])
  })

  it('stops when the very same fails again, not when something else does', () => {
    const earlier = [ended()]
    expect(decide({ ended: ended({ plan: 2 }), earlier }).outcome).toBe('stop')
    const other = [{ code: 'ATTEMPTS_EXHAUSTED', argsHash: 'two' }]
    expect(decide({ ended: ended({ plan: 2, failures: other }), earlier }).outcome).toBe('plan')
  })

  it('stops when two plans in a row cost money and completed nothing', () => {
    const earlier = [ended({ costUsdMicros: 10n, failures: [] })]
    const second = { plan: 2, costUsdMicros: 20n, failures: [] }
    expect(decide({ ended: ended(second), earlier }).outcome).toBe('stop')
    expect(decide({ ended: ended({ ...second, tasksCompleted: 1 }), earlier }).outcome).toBe('plan')
    expect(decide({ ended: ended({ ...second, costUsdMicros: 10n }), earlier }).outcome).toBe(
      'plan',
    )
  })

  it('asks a person once something may have happened, until one has said yes', () => {
    expect(decide({ effectsHeld: 1 }).outcome).toBe('person')
    expect(decide({ effectsHeld: 1, isAllowed: true }).outcome).toBe('plan')
  })
})

const task = (id: string, text: string, dependsOn: string[] = []) => ({
  id,
  type: 'CONTENT_GEN' as const,
  kind: 'tweet.post' as const,
  payload: {
    kind: 'tweet.post' as const,
    slot: 'publish',
    text,
    media_ids: [],
    is_ai_labeled: true,
    origin: {},
  },
  constraints: {},
  dependsOn,
})

describe('the shape of a plan', () => {
  it('does not hang on ids or order', () => {
    const one = [task('1', 'a'), task('2', 'b', ['1'])]
    const other = [task('y', 'b', ['x']), task('x', 'a')]
    expect(planShape(other)).toBe(planShape(one))
  })

  it('hangs on what is done and after what', () => {
    const one = planShape([task('1', 'a'), task('2', 'b')])
    expect(planShape([task('1', 'a'), task('2', 'c')])).not.toBe(one)
    expect(planShape([task('1', 'a'), task('2', 'b', ['1'])])).not.toBe(one)
  })
})

describe('a further plan', () => {
  const slots = [{ slot: 'publish', tool: 'post_tweet', limit: 1 }]

  it('may use the slots that there are', () => {
    const plan = { tasks: [task('1', 'a')], slots }
    expect(replanFault(plan, { slots, shapes: [] })).toBeUndefined()
  })

  it('cannot add one, nor give one to another tool', () => {
    const more = { tasks: [], slots: [{ slot: 'publish:2', tool: 'post_tweet', limit: 1 }] }
    expect(replanFault(more, { slots, shapes: [] })?.code).toBe('PLAN_INVALID')
    const other = { tasks: [], slots: [{ slot: 'publish', tool: 'reply_tweet', limit: 1 }] }
    expect(replanFault(other, { slots, shapes: [] })?.code).toBe('PLAN_INVALID')
  })

  it('cannot be one that was rejected', () => {
    const plan = { tasks: [task('2', 'a')], slots }
    const shapes = [planShape([task('1', 'a')])]
    expect(replanFault(plan, { slots, shapes })?.code).toBe('NO_PROGRESS')
  })
})
