import { DEFAULT_TENANT, Uuid } from '@chimera/contracts/ids'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { taskId } from './task-id.ts'

const of = { tenant: DEFAULT_TENANT, goalId: 'g-1', planner: 'rules@1', index: 0 }

describe('the id of a planned task', () => {
  test('is the same on every machine, for ever', () => {
    expect(taskId(of)).toBe('d4d906db-0e04-8363-99d8-36578aa4bce7')
  })

  test('is a uuid of version 8', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat(), (goalId, index) => {
        const id = taskId({ ...of, goalId: `g${goalId.toWellFormed()}`, index })
        expect(Uuid.safeParse(id).success).toBe(true)
        expect(id).toMatch(/^.{14}8.{4}[89ab]/)
      }),
    )
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
