import { TerminalError, type Fault } from '@chimera/contracts/errors'
import { usdToMicros } from '@chimera/contracts/money'

/** A plan of more is several goals. */
export const MAX_TASKS = 500
/** Tasks on the longest chain; each link costs a round trip through all roles. */
export const MAX_DEPTH = 16
/** Children of one task: all of them may become ready in one transaction. */
export const MAX_FAN_OUT = 500
/** Edges of a plan: rows that one transaction writes. */
export const MAX_DEPENDENCIES = 2_000

/** What the graph looks at; ids are unique within the plan. */
export type GraphTask = {
  readonly id: string
  readonly dependsOn: readonly string[]
  readonly constraints: { readonly max_cost_usd?: number | undefined }
}

/** A valid plan's shape. */
export type TaskGraph = {
  /** Parents before children; among equals the order of the plan. */
  readonly order: readonly string[]
  /** Parents that are not done yet, per task. 0 means ready at once. */
  readonly parentsOpen: ReadonlyMap<string, number>
  readonly depth: number
}

/**
 * Checks that the tasks are a bounded, acyclic graph whose costs fit the goal. Throws
 * TerminalError(PLAN_INVALID) with every fault found, by JSON pointer into the plan.
 */
export function buildTaskGraph(
  tasks: readonly GraphTask[],
  limits: { readonly maxCostUsd: number },
): TaskGraph {
  if (tasks.length === 0 || tasks.length > MAX_TASKS) {
    const detail = `has ${tasks.length} tasks; a plan has 1 to ${MAX_TASKS}`
    throw invalid([{ pointer: '/tasks', detail }])
  }
  const faults = [...faultsOfIds(tasks), ...faultsOfEdges(tasks), ...faultsOfCost(tasks, limits)]
  if (faults.length > 0) throw invalid(faults)
  const { order, depth } = sorted(tasks)
  if (order.length < tasks.length) throw invalid(faultsOfCycles(tasks, new Set(order)))
  if (depth > MAX_DEPTH) {
    const detail = `its longest chain has ${depth} tasks; ${MAX_DEPTH} are allowed`
    throw invalid([{ pointer: '/tasks', detail }])
  }
  const parentsOpen = new Map(tasks.map((task) => [task.id, task.dependsOn.length]))
  return { order, parentsOpen, depth }
}

function faultsOfIds(tasks: readonly GraphTask[]): Fault[] {
  const seen = new Set<string>()
  return tasks.flatMap(({ id }, index) => {
    const isRepeated = seen.has(id)
    seen.add(id)
    return isRepeated ? [fault(index, 'id', `task ${id} is in the plan twice`)] : []
  })
}

function faultsOfEdges(tasks: readonly GraphTask[]): Fault[] {
  const known = new Set(tasks.map(({ id }) => id))
  const children = new Map<string, number>()
  let edges = 0
  const faults = tasks.flatMap(({ id, dependsOn }, index) => {
    edges += dependsOn.length
    const own = new Set<string>()
    return dependsOn.flatMap((parent) => {
      const isRepeated = own.has(parent)
      own.add(parent)
      children.set(parent, (children.get(parent) ?? 0) + 1)
      if (parent === id) return [fault(index, 'dependsOn', 'a task cannot wait for itself')]
      if (isRepeated) return [fault(index, 'dependsOn', `names ${parent} twice`)]
      if (known.has(parent)) return []
      return [fault(index, 'dependsOn', `names ${parent}, which is not in the plan`)]
    })
  })
  for (const [parent, count] of children) {
    if (count <= MAX_FAN_OUT) continue
    const detail = `${count} tasks wait for ${parent}; ${MAX_FAN_OUT} are allowed`
    faults.push({ pointer: '/tasks', detail })
  }
  if (edges > MAX_DEPENDENCIES) {
    const detail = `has ${edges} dependencies; ${MAX_DEPENDENCIES} are allowed`
    faults.push({ pointer: '/tasks', detail })
  }
  return faults
}

/** In micros, because a sum of floats may end a hair above the limit. */
function faultsOfCost(
  tasks: readonly GraphTask[],
  { maxCostUsd }: { readonly maxCostUsd: number },
): Fault[] {
  let total = 0n
  for (const [index, { constraints }] of tasks.entries()) {
    const cost = constraints.max_cost_usd ?? 0
    if (!Number.isFinite(cost) || cost < 0) {
      return [fault(index, 'constraints/max_cost_usd', 'has to be a number of dollars from 0')]
    }
    total += usdToMicros(cost)
  }
  if (total <= usdToMicros(maxCostUsd)) return []
  const detail = `may cost ${Number(total) / 1e6} USD together; the goal allows ${maxCostUsd} USD`
  return [{ pointer: '/tasks', detail }]
}

/** Kahn's algorithm in waves: the number of waves is the longest chain. */
function sorted(tasks: readonly GraphTask[]): { order: string[]; depth: number } {
  const children = new Map<string, string[]>(tasks.map(({ id }) => [id, []]))
  const open = new Map<string, number>()
  for (const { id, dependsOn } of tasks) {
    open.set(id, dependsOn.length)
    for (const parent of dependsOn) children.get(parent)?.push(id)
  }
  const order: string[] = []
  let depth = 0
  let wave = tasks.filter(({ dependsOn }) => dependsOn.length === 0).map(({ id }) => id)
  while (wave.length > 0) {
    depth += 1
    order.push(...wave)
    wave = wave
      .flatMap((id) => children.get(id) ?? [])
      .filter((child) => {
        const left = (open.get(child) ?? 0) - 1
        open.set(child, left)
        return left === 0
      })
  }
  return { order, depth }
}

function faultsOfCycles(tasks: readonly GraphTask[], sortable: ReadonlySet<string>): Fault[] {
  return tasks.flatMap(({ id }, index) =>
    sortable.has(id) ? [] : [fault(index, 'dependsOn', 'waits for a task that waits for it')],
  )
}

const fault = (index: number, field: string, detail: string): Fault => ({
  pointer: `/tasks/${index}/${field}`,
  detail,
})

function invalid(faults: readonly Fault[]): TerminalError {
  const [first] = faults
  const more = faults.length > 1 ? ` (and ${faults.length - 1} more)` : ''
  const message = `The plan is not valid: ${first?.pointer} ${first?.detail}${more}.`
  return new TerminalError('PLAN_INVALID', message, { faults })
}
