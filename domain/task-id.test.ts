import { DEFAULT_TENANT, Uuid } from '@chimera/contracts/ids'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { taskId } from './task-id.ts'

const of = { tenant: DEFAULT_TENANT, goalId: 'g-1', receivedMs: 1, planner: 'rules@1', index: 0 }

describe('the id of a planned task', () => {
  test('is the same on every machine, for ever', () => {
    expect(taskId(of)).toBe('00000000-0001-8352-9a9d-621aab56f96b')
  })

  test('is a uuid of version 8', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.nat(),
        fc.double({ noNaN: true }),
        (goalId, index, receivedMs) => {
          const id = taskId({ ...of, goalId: `g${goalId.toWellFormed()}`, index, receivedMs })
          expect(Uuid.safeParse(id).success).toBe(true)
          expect(id).toMatch(/^.{14}8.{4}[89ab]/)
        },
      ),
    )
  })

  test('begins with the moment at which its goal arrived, so that ids sort by it', () => {
    const early = 1_700_000_000_000
    expect(taskId({ ...of, receivedMs: early })).toMatch(/^018bcfe5-6800-8/)
    fc.assert(
      fc.property(fc.nat(), fc.nat(), (index, other) => {
        const one = taskId({ ...of, index, receivedMs: early })
        expect(one < taskId({ ...of, index: other, receivedMs: early + 1 })).toBe(true)
      }),
    )
  })

  test.each([-1, 2 ** 48, 2 ** 64, Number.POSITIVE_INFINITY])('takes %d for the nearest', (ms) => {
    const nearest = ms < 0 ? 0 : 2 ** 48 - 1
    expect(taskId({ ...of, receivedMs: ms })).toBe(taskId({ ...of, receivedMs: nearest }))
  })

  test('differs by tenant, goal, planner and index', () => {
    const ids = [
      of,
      { ...of, tenant: 'other' },
      { ...of, goalId: 'g-2' },
      { ...of, planner: 'rules@2' },
      { ...of, index: 1 },
    ].map((parts) => taskId(parts))
    expect(new Set(ids).size).toBe(ids.length)
  })
})
