import { PHASES, TaskPhase, TaskStatus } from '@chimera/contracts/agent-task'
import { describe, expect, test } from 'vitest'

import {
  canMovePhase,
  canMoveTask,
  isTaskFinal,
  PHASE_EDGES,
  statusOfPhase,
} from './task-lifecycle.ts'

/** Design section 3, written down a second time on purpose. */
const ALLOWED = [
  'PENDING IN_PROGRESS',
  'IN_PROGRESS REVIEW',
  'REVIEW COMPLETED',
  'REVIEW FAILED',
  'REVIEW PENDING',
  'IN_PROGRESS PENDING',
  'PENDING FAILED',
  'IN_PROGRESS FAILED',
]

describe('the status of a task', () => {
  test('moves along exactly the edges of the design', () => {
    const possible = TaskStatus.options.flatMap((from) =>
      TaskStatus.options.filter((to) => canMoveTask(from, to)).map((to) => `${from} ${to}`),
    )
    expect(possible.toSorted()).toEqual(ALLOWED.toSorted())
  })

  test('is final when it is COMPLETED or FAILED', () => {
    expect(TaskStatus.options.filter((status) => isTaskFinal(status))).toEqual([
      'COMPLETED',
      'FAILED',
    ])
  })
})

describe('the phase of a task', () => {
  test('refines the status that the wire names for it', () => {
    for (const status of TaskStatus.options) {
      for (const phase of PHASES[status]) expect(statusOfPhase(phase)).toBe(status)
    }
  })

  test('never moves where its status may not', () => {
    for (const from of TaskPhase.options) {
      for (const to of PHASE_EDGES[from]) {
        const [before, after] = [statusOfPhase(from), statusOfPhase(to)]
        expect(before === after || canMoveTask(before, after), `${from} -> ${to}`).toBe(true)
        expect(canMovePhase(from, to)).toBe(true)
      }
    }
  })

  test('covers every edge between statuses', () => {
    const covered = new Set(
      TaskPhase.options.flatMap((from) =>
        PHASE_EDGES[from].map((to) => `${statusOfPhase(from)} ${statusOfPhase(to)}`),
      ),
    )
    expect(ALLOWED.filter((edge) => !covered.has(edge))).toEqual([])
  })

  test('can be cancelled from every phase that is not final', () => {
    for (const phase of TaskPhase.options) {
      expect(canMovePhase(phase, 'cancelled')).toBe(!isTaskFinal(statusOfPhase(phase)))
    }
  })

  test('is never granted without having been judged', () => {
    const before = TaskPhase.options.filter((phase) => canMovePhase(phase, 'granted'))
    expect(before.every((phase) => statusOfPhase(phase) === 'REVIEW')).toBe(true)
  })
})
