import type { GoalView } from '@chimera/contracts/observable'
import { describe, expect, it } from 'vitest'

import { EXIT } from '../../exit-codes.ts'
import { exitOfGoal, followGoal } from './follow-goal.ts'
import { renderChange } from './render-goal.ts'

const goal = (more: Partial<GoalView>): GoalView => ({
  id: 'g',
  status: 'RECEIVED',
  mode: 'paper',
  text: 'generic: hello',
  agent_id: 'default',
  source: 'http',
  waiting_on: null,
  failure: null,
  tasks_total: 0,
  tasks_open: 0,
  received_at: null,
  planned_at: null,
  finished_at: null,
  partial: [],
  tasks: [],
  effects: [],
  ...more,
})

const failed = (code: string): GoalView =>
  goal({ status: 'FAILED', failure: { code, message: 'because' } })

describe('a command that waits for a goal', () => {
  it('ends as the goal does', () => {
    expect(exitOfGoal(goal({ status: 'COMPLETED' }))).toBe(EXIT.ok)
    expect(exitOfGoal(failed('NEEDS_APPROVAL'))).toBe(EXIT.refused)
    expect(exitOfGoal(failed('TOOL_NOT_AVAILABLE'))).toBe(EXIT.refused)
    expect(exitOfGoal(failed('DUPLICATE'))).toBe(EXIT.refused)
    expect(exitOfGoal(failed('BUDGET_EXHAUSTED'))).toBe(EXIT.budgetExhausted)
    expect(exitOfGoal(failed('GOAL_NOT_UNDERSTOOD'))).toBe(EXIT.failed)
    expect(exitOfGoal(failed('A_CODE_OF_A_LATER_VERSION'))).toBe(EXIT.failed)
    expect(exitOfGoal(goal({ status: 'CANCELLED' }))).toBe(EXIT.failed)
    expect(exitOfGoal(undefined)).toBe(EXIT.waiting)
  })

  it('tells each change once, and what the goal waits for', async () => {
    const until = '2026-11-21T12:15:00.000Z'
    const waiting = { reason: `cooldown until ${until}`, until, unblock: null }
    const looks = [
      goal({}),
      goal({}),
      goal({ status: 'ACTIVE', waiting_on: waiting }),
      goal({ status: 'COMPLETED' }),
    ]
    const client = {
      get: () => Promise.resolve(looks.shift()),
      post: () => Promise.reject(new Error('never')),
    }
    const { signal } = new AbortController()
    const changes = followGoal({ client, id: 'g', signal })
    const lines: string[] = []
    let step = await changes.next()
    for (; step.done !== true; step = await changes.next()) {
      lines.push(renderChange(step.value).slice(13))
    }
    expect(lines).toEqual([
      'goal   g RECEIVED generic: hello',
      `goal   g ACTIVE waiting: cooldown until ${until}`,
      'goal   g COMPLETED generic: hello',
    ])
    expect(step.value?.status).toBe('COMPLETED')
  })

  it('gives up when its time is over', async () => {
    const client = { get: () => Promise.resolve(goal({})), post: () => Promise.reject(new Error()) }
    const changes = followGoal({ client, id: 'g', signal: AbortSignal.timeout(20) })
    expect((await changes.next()).done).toBe(false)
    expect(await changes.next()).toEqual({ done: true, value: undefined })
  })
})
