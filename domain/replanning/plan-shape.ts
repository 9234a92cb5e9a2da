import { canonicalHash } from '@chimera/contracts/canonical'

/** A task of a plan, as far as it says what is to be done. */
export type ShapedTask = {
  readonly id: string
  readonly payload: unknown
  readonly constraints: unknown
  readonly dependsOn: readonly string[]
}

/**
 * What a plan is, whatever its tasks are called and in whichever order they stand: two plans of one
 * shape would do the very same.
 */
export function planShape(tasks: readonly ShapedTask[]): string {
  const own = new Map(
    tasks.map(({ id, payload, constraints }) => [id, canonicalHash({ payload, constraints })]),
  )
  const shaped = tasks.map(({ id, dependsOn }) => {
    const parents = dependsOn.map((parent) => own.get(parent) ?? 'unknown')
    return canonicalHash({ task: own.get(id), parents: parents.toSorted() })
  })
  return canonicalHash({ v: 1, tasks: shaped.toSorted() })
}
