import { canonicalJson } from '@chimera/contracts/canonical'
import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Trust } from '@chimera/contracts/goal'
import { DEFAULT_RULES, type Label, type Pointer } from '@chimera/contracts/judging/provenance'

/**
 * What a pointer can be followed into. Registry, tool results and memory come with their issues.
 */
export type Sources = {
  /** The goal as it was accepted; `goal` pointers are JSON pointers into it. */
  readonly goal: unknown
  readonly trust: Trust
}

/** One argument that is not what its pointer says, and the label of all arguments together. */
export type Provenance = {
  readonly label: Label
  readonly mismatches: readonly { readonly argument: string; readonly reason: string }[]
}

const WORST_LAST: readonly Label[] = ['owner', 'registry', 'derived', 'untrusted']

/**
 * Follows the pointer of every argument and compares canonical forms (design.md section 6). An
 * argument without a pointer, with a pointer that leads nowhere, or with another value there is a
 * mismatch and untrusted; a mixture takes the worst label.
 */
export function checkProvenance(effect: ProposedEffect, sources: Sources): Provenance {
  const mismatches: { argument: string; reason: string }[] = []
  let worst = 0
  for (const [name, value] of Object.entries(effect.args)) {
    const argument = `/${name}`
    const pointer = effect.provenance[argument]
    const found = pointer === undefined ? undefined : follow(pointer, sources)
    if (found === undefined) {
      mismatches.push({
        argument,
        reason:
          pointer === undefined
            ? 'no pointer is given'
            : `nothing is found by ${describe(pointer)}`,
      })
      continue
    }
    if (canonicalJson(found.value) !== canonicalJson(value)) {
      mismatches.push({ argument, reason: `${describe(pointer)} holds another value` })
      continue
    }
    worst = Math.max(worst, WORST_LAST.indexOf(found.label))
  }
  if (mismatches.length > 0) worst = WORST_LAST.indexOf('untrusted')
  return { label: WORST_LAST[worst] ?? 'untrusted', mismatches }
}

type Found = { readonly value: unknown; readonly label: Label }

function follow(pointer: Pointer, sources: Sources): Found | undefined {
  switch (pointer.source) {
    case 'goal': {
      const value = valueAt(sources.goal, pointer.path)
      if (value === undefined) return undefined
      const label: Label = sources.trust === 'owner' ? 'owner' : 'untrusted'
      if (pointer.span === undefined) return { value, label }
      if (typeof value !== 'string') return undefined
      const [start, end] = pointer.span
      return end <= value.length && start < end
        ? { value: value.slice(start, end), label }
        : undefined
    }
    case 'default':
      // The house's own constants carry no words of anybody: as good as the owner's.
      return Object.hasOwn(DEFAULT_RULES, pointer.rule)
        ? { value: DEFAULT_RULES[pointer.rule], label: 'owner' }
        : undefined
    case 'registry':
    case 'tool':
    case 'memory':
    case 'model':
      return undefined
  }
}

/** RFC 6901 look-up through own properties only. */
function valueAt(root: unknown, path: string): unknown {
  let at = root
  for (const part of path.split('/').slice(1)) {
    const key = part.replaceAll('~1', '/').replaceAll('~0', '~')
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined
    at = Object.entries(at).find(([name]) => name === key)?.[1]
  }
  return at
}

function describe(pointer: Pointer | undefined): string {
  if (pointer === undefined) return 'no pointer'
  return pointer.source === 'goal' ? `goal ${pointer.path}` : pointer.source
}
