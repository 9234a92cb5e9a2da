import { GoalStatus } from '@chimera/contracts/goal'
import { describe, expect, test } from 'vitest'

import {
  applyGoal,
  canMoveGoal,
  type GoalEvent,
  type GoalState,
  isGoalFinal,
  type PausableStatus,
} from './goal-lifecycle.ts'

const LIVE: readonly PausableStatus[] = ['RECEIVED', 'PLANNED', 'ACTIVE']
const EVENTS: readonly GoalEvent[] = [
  'plan',
  'activate',
  'complete',
  'fail',
  'cancel',
  'pause',
  'resume',
]
const STATES: readonly GoalState[] = [
  ...LIVE.map((status) => ({ status })),
  ...LIVE.map((pausedFrom) => ({ status: 'PAUSED' as const, pausedFrom })),
  { status: 'COMPLETED' },
  { status: 'FAILED' },
  { status: 'CANCELLED' },
]

describe('a goal', () => {
  test('moves along exactly the edges of the design', () => {
    const possible = GoalStatus.options.flatMap((from) =>
      GoalStatus.options.filter((to) => canMoveGoal(from, to)).map((to) => `${from} ${to}`),
    )
    const allowed = [
      'RECEIVED PLANNED',
      'PLANNED ACTIVE',
      'ACTIVE COMPLETED',
      ...[...LIVE, 'PAUSED'].flatMap((from) => [`${from} FAILED`, `${from} CANCELLED`]),
      ...LIVE.flatMap((from) => [`${from} PAUSED`, `PAUSED ${from}`]),
    ]
    expect(possible.toSorted()).toEqual(allowed.toSorted())
  })

  test('walks from RECEIVED to COMPLETED', () => {
    const start: GoalState = { status: 'RECEIVED' }
    const end = (['plan', 'activate', 'complete'] as const).reduce<GoalState>(applyGoal, start)
    expect(end).toEqual({ status: 'COMPLETED' })
  })

  test('comes back from a pause to where it was, and nowhere else', () => {
    for (const status of LIVE) {
      const paused = applyGoal({ status }, 'pause')
      expect(paused).toEqual({ status: 'PAUSED', pausedFrom: status })
      expect(applyGoal(paused, 'resume')).toEqual({ status })
      for (const event of ['plan', 'activate', 'complete', 'pause'] as const) {
        expect(() => applyGoal(paused, event)).toThrow(/PAUSED cannot/)
      }
    }
  })

  test('fails and is cancelled from every live state', () => {
    for (const state of STATES.filter(({ status }) => !isGoalFinal(status))) {
      expect(applyGoal(state, 'fail')).toEqual({ status: 'FAILED' })
      expect(applyGoal(state, 'cancel')).toEqual({ status: 'CANCELLED' })
    }
  })

  test('never leaves an end, and says that it is one', () => {
    for (const state of STATES.filter(({ status }) => isGoalFinal(status))) {
      for (const event of EVENTS) {
        expect(() => applyGoal(state, event)).toThrow(
          expect.objectContaining({ code: 'GOAL_FINISHED' }),
        )
      }
    }
  })

  test('makes no move that the table of edges does not have', () => {
    for (const state of STATES) {
      for (const event of EVENTS) {
        const next = attempt(() => applyGoal(state, event))
        if (next !== undefined) expect(canMoveGoal(state.status, next.status)).toBe(true)
      }
    }
  })
})

function attempt(move: () => GoalState): GoalState | undefined {
  try {
    return move()
  } catch {
    return undefined
  }
}
