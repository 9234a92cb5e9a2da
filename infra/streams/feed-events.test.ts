import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { FeedEvent } from '@chimera/contracts/trail/feed'
import { expect, test } from 'vitest'

import { feedEvents } from './feed-events.ts'

const time = new Date('2026-11-21T12:00:00Z')
const tenantId = DEFAULT_TENANT

test('a transition is one event that names its subject, in one line', () => {
  const [goal, task, fence] = feedEvents(
    [
      { tenantId, item: { subject: 'goal', id: 'g-1', from: null, to: 'RECEIVED' } },
      {
        tenantId,
        goalId: 'g-1',
        item: {
          subject: 'task',
          id: 't-1',
          attempt: 2,
          from: 'judging',
          to: 'awaiting approval',
          note: 'COOLDOWN_ACTIVE',
        },
      },
      {
        tenantId,
        item: { subject: 'fence', id: 'everything', from: null, to: 'RAISED', note: 'epoch 3' },
      },
    ],
    time,
  )
  expect(goal).toMatchObject({
    type: 'goal.received',
    goal_id: 'g-1',
    summary: 'goal g-1: RECEIVED',
    at: '2026-11-21T12:00:00.000Z',
  })
  expect(task).toMatchObject({
    type: 'task.awaiting_approval',
    goal_id: 'g-1',
    task_id: 't-1',
    summary: 'task t-1: judging -> awaiting approval, attempt 2: COOLDOWN_ACTIVE',
    data: { attempt: 2, from: 'judging' },
  })
  expect(fence).toMatchObject({
    type: 'stop.raised',
    summary: 'fence everything: RAISED: "epoch 3"',
  })
})

test('what strangers wrote is quoted, without control characters, and never too long', () => {
  const note = `\u001b[2J\u202Eevil\n${'\u{1F600}'.repeat(240)}`
  const [event] = feedEvents(
    [{ tenantId, item: { subject: 'effect', id: 'e', from: 'GRANTED', to: 'REFUSED', note } }],
    time,
  )
  expect(FeedEvent.parse(event)).toEqual(event)
  expect(event?.summary).toMatch(/^effect e: GRANTED -> REFUSED: " \[2J evil /)
  expect(event?.summary.length).toBeLessThanOrEqual(300)
  expect(event?.summary.isWellFormed()).toBe(true)
  expect(event?.summary).not.toMatch(/\p{Cc}/u)
})
