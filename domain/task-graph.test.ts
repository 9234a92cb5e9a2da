import { ChimeraError } from '@chimera/contracts/errors'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  buildTaskGraph,
  type GraphTask,
  MAX_DEPENDENCIES,
  MAX_DEPTH,
  MAX_FAN_OUT,
  MAX_TASKS,
} from './task-graph.ts'

const limits = { maxCostUsd: 1 }

describe('a task graph', () => {
  test('puts parents before children, whatever the order of the plan', () => {
    fc.assert(
      fc.property(acyclic(), (tasks) => {
        const { order, parentsOpen } = buildTaskGraph(tasks, limits)
        expect(order.toSorted()).toEqual(tasks.map(({ id }) => id).toSorted())
        for (const { id, dependsOn } of tasks) {
          expect(parentsOpen.get(id)).toBe(dependsOn.length)
          for (const parent of dependsOn) {
            expect(order.indexOf(parent)).toBeLessThan(order.indexOf(id))
          }
        }
      }),
    )
  })

  test('with any edge turned back into a cycle is refused', () => {
    fc.assert(
      fc.property(acyclic({ minEdges: 1 }), fc.nat(), (tasks, pick) => {
        const edges = tasks.flatMap(({ id, dependsOn }) =>
          dependsOn.map((parent) => ({ parent, child: id })),
        )
        const { parent, child } = edges[pick % edges.length] ?? { parent: '', child: '' }
        const turned = tasks.map((one) =>
          one.id === parent ? { ...one, dependsOn: [...one.dependsOn, child] } : one,
        )
        expect(detailsOf(turned)).toContain('waits for a task that waits for it')
      }),
    )
  })

  test.each([
    ['nothing', [], /has 0 tasks/],
    ['an unknown parent', [task('a', ['b'])], /names b, which is not in the plan/],
    ['a task that waits for itself', [task('a', ['a'])], /cannot wait for itself/],
    ['the same task twice', [task('a'), task('a')], /is in the plan twice/],
    ['the same edge twice', [task('a'), task('b', ['a', 'a'])], /names a twice/],
    ['a negative cost', [task('a', [], -1)], /number of dollars/],
    ['a cost that is no number', [task('a', [], Number.NaN)], /number of dollars/],
    ['more cost than the goal allows', [task('a', [], 0.6), task('b', [], 0.6)], /1\.2 USD/],
  ])('with %s is refused', (_, tasks, reason) => {
    expect(detailsOf(tasks)).toMatch(reason)
  })

  test('names every fault by a pointer into the plan', () => {
    const faults = faultsOf([task('a', ['x']), task('b', ['b'])])
    expect(faults.map(({ pointer }) => pointer)).toEqual([
      '/tasks/0/dependsOn',
      '/tasks/1/dependsOn',
    ])
  })

  test('may use up the budget to the last cent, where floats would say more', () => {
    const tasks = Array.from({ length: 10 }, (_, index) => task(`t${index}`, [], 0.1))
    expect(buildTaskGraph(tasks, limits).order).toHaveLength(10)
    expect(detailsOf([...tasks, task('more', [], 0.000_001)])).toMatch(/1\.000001 USD/)
  })
})

describe('the bounds of a task graph', () => {
  test(`let ${MAX_TASKS} tasks pass and no more`, () => {
    const tasks = Array.from({ length: MAX_TASKS }, (_, index) => task(`t${index}`))
    expect(buildTaskGraph(tasks, limits).order).toHaveLength(MAX_TASKS)
    expect(detailsOf([...tasks, task('more')])).toMatch(/has 501 tasks/)
  })

  test(`let a chain of ${MAX_DEPTH} pass and no longer`, () => {
    expect(buildTaskGraph(chain(MAX_DEPTH), limits).depth).toBe(MAX_DEPTH)
    expect(detailsOf(chain(MAX_DEPTH + 1))).toMatch(/longest chain has 17 tasks/)
  })

  test('hold the number of children and of edges', () => {
    const children = Array.from({ length: MAX_TASKS - 1 }, (_, index) =>
      task(`c${index}`, ['root']),
    )
    expect(buildTaskGraph([task('root'), ...children], limits).depth).toBe(2)
    expect(MAX_FAN_OUT).toBeGreaterThanOrEqual(MAX_TASKS - 1)
    const roots = Array.from({ length: 50 }, (_, index) => `r${index}`)
    const dense = [
      ...roots.map((id) => task(id)),
      ...Array.from({ length: MAX_DEPENDENCIES / 50 + 1 }, (_, index) => task(`d${index}`, roots)),
    ]
    expect(detailsOf(dense)).toMatch(/has 2050 dependencies/)
  })
})

function task(id: string, dependsOn: readonly string[] = [], cost?: number): GraphTask {
  return { id, dependsOn, constraints: cost === undefined ? {} : { max_cost_usd: cost } }
}

function chain(length: number): GraphTask[] {
  return Array.from({ length }, (_, n) => task(`t${n}`, n === 0 ? [] : [`t${n - 1}`]))
}

/** Tasks in any order, of which each waits only for tasks of a lower number; at most 12 deep. */
function acyclic({ minEdges = 0 } = {}): fc.Arbitrary<GraphTask[]> {
  return fc
    .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 2, maxLength: 12 })
    .map((rows) =>
      rows.map((picks, n) => {
        const parents = n === 0 ? [] : picks.map((pick) => `t${pick % n}`)
        return task(`t${n}`, [...new Set(parents)])
      }),
    )
    .filter((tasks) => tasks.flatMap(({ dependsOn }) => dependsOn).length >= minEdges)
    .chain((tasks) => fc.shuffledSubarray(tasks, { minLength: tasks.length }))
}

function faultsOf(tasks: readonly GraphTask[]) {
  try {
    buildTaskGraph(tasks, limits)
  } catch (error) {
    if (error instanceof ChimeraError && error.code === 'PLAN_INVALID') return error.faults
    throw error
  }
  throw new Error('The graph was not refused.')
}

const detailsOf = (tasks: readonly GraphTask[]): string =>
  faultsOf(tasks)
    .map(({ detail }) => detail)
    .join('; ')
