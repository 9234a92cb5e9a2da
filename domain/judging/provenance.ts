import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Trust } from '@chimera/contracts/goal'
import { DEFAULT_RULES, type Label, type Pointer } from '@chimera/contracts/judging/provenance'
import { AssetValue } from '@chimera/contracts/judging/registry'
import type { ModelCall, Reading } from '@chimera/contracts/judging/sources'
import { NATIVE_ASSET } from '@chimera/contracts/money'

import { canonicalValue } from './canonical-value.ts'
import { derive, type Ingredient } from './derivations.ts'
import type { Registry } from './registry.ts'

/** What a pointer can be followed into; one to a memory has a label, and no value to compare. */
export type Sources = {
  /** The goal as it was accepted; `goal` pointers are JSON pointers into it. */
  readonly goal: unknown
  readonly trust: Trust
  readonly registry?: Pick<Registry, 'find'>
  /** What read tools answered within the attempt. */
  readonly readings?: readonly Pick<Reading, 'id' | 'tool' | 'value'>[]
  /** What models said within the attempt, and what had stood in their prompts. */
  readonly modelCalls?: readonly Pick<ModelCall, 'id' | 'sources' | 'output'>[]
  /** Labels of memories that had stood in prompts, as the record has them. */
  readonly memories?: ReadonlyMap<string, Label>
  /** What people made of proposals, by the approval that they edited. */
  readonly edits?: ReadonlyMap<string, Edit>
}

/** Arguments as people were asked about them, and as a person wants them instead. */
export type Edit = {
  readonly was: Pick<ProposedEffect, 'args' | 'provenance'>
  readonly args: ProposedEffect['args']
}

/** Arguments that are not what their pointers say, and labels: of each, and the worst of all. */
export type Provenance = {
  readonly label: Label
  readonly labels: Readonly<Record<string, Label>>
  readonly mismatches: readonly { readonly argument: string; readonly reason: string }[]
}

const WORST_LAST: readonly Label[] = ['owner', 'registry', 'derived', 'untrusted']

/** A mixture takes the worst label. */
export const worstOf = (labels: readonly Label[]): Label =>
  labels.reduce<Label>(
    (worst, label) => (WORST_LAST.indexOf(label) > WORST_LAST.indexOf(worst) ? label : worst),
    'owner',
  )

/**
 * Read tools that answer what the house itself has written: limits, clocks, prices of its own list.
 * Every other answer holds words of strangers, or may.
 */
const OWN_READINGS: ReadonlySet<string> = new Set([
  'check_spend',
  'estimate_cost',
  'get_cooldown',
  'get_limits',
  'get_mode',
])

/** A prompt may hold what another answer said, and that one again: no chain is longer. */
const MAX_CHAIN = 16

/**
 * Follows the pointer of every argument and compares canonical forms (design.md section 6). An
 * argument without a pointer, with a pointer that leads nowhere, or with another value there is a
 * mismatch and untrusted; a mixture takes the worst label.
 */
export function checkProvenance(effect: ProposedEffect, sources: Sources): Provenance {
  const mismatches: { argument: string; reason: string }[] = []
  const labels: [string, Label][] = []
  for (const [name, value] of Object.entries(effect.args)) {
    const argument = `/${name}`
    const pointer = Object.hasOwn(effect.provenance, argument)
      ? effect.provenance[argument]
      : undefined
    const found = pointer === undefined ? undefined : follow(pointer, sources)
    const reason = mismatchOf(name, value, pointer, found) ?? otherAsset(effect, pointer, sources)
    if (reason !== undefined) mismatches.push({ argument, reason })
    labels.push([argument, reason === undefined ? (found?.label ?? 'untrusted') : 'untrusted'])
  }
  const label = worstOf(labels.map(([, one]) => one))
  return { label, labels: Object.fromEntries(labels), mismatches }
}

function mismatchOf(
  name: string,
  value: unknown,
  pointer: Pointer | undefined,
  found: Found | undefined,
): string | undefined {
  if (pointer === undefined) return 'no pointer is given'
  if (found === undefined) return `nothing is found by ${describe(pointer)}`
  if (canonicalValue(name, found.value) === canonicalValue(name, value)) return undefined
  return `${describe(pointer)} holds another value`
}

/**
 * Base units are those of the asset that is paid: by the decimals of another one, five dollars
 * would be five billion.
 */
function otherAsset(
  { args }: ProposedEffect,
  pointer: Pointer | undefined,
  sources: Sources,
): string | undefined {
  if (pointer?.source !== 'derived' || pointer.rule !== 'base-units') return undefined
  const [, from] = pointer.from
  const row = from === undefined ? undefined : follow(from, sources)
  const counted = AssetValue.safeParse(row?.value).data?.code
  const paid = Object.hasOwn(args, 'asset') ? args['asset'] : NATIVE_ASSET
  return counted === paid ? undefined : `it is counted in ${counted ?? 'nothing'} and not as paid`
}

type Found = Ingredient & { readonly label: Label }

function follow(pointer: Pointer, sources: Sources): Found | undefined {
  switch (pointer.source) {
    case 'goal':
      return followGoal(pointer, sources)
    case 'default':
      // The house's own constants carry no words of anybody: as good as the owner's.
      return Object.hasOwn(DEFAULT_RULES, pointer.rule)
        ? { value: DEFAULT_RULES[pointer.rule], label: 'owner' }
        : undefined
    case 'registry':
      return followRegistry(pointer, sources)
    case 'derived':
      return followDerivation(pointer, sources)
    case 'tool': {
      const reading = sources.readings?.find(({ id }) => id === pointer.result_id)
      if (reading === undefined || reading.tool !== pointer.tool) return undefined
      const value = valueAt(reading.value, pointer.path)
      if (value === undefined) return undefined
      return { value, label: labelOfReading(reading.tool) }
    }
    case 'model': {
      const call = sources.modelCalls?.find(({ id }) => id === pointer.call_id)
      const value = call === undefined ? undefined : valueAt(call.output, pointer.path ?? '')
      if (call === undefined || value === undefined) return undefined
      return { value, label: labelOfCall(call, sources, 0) }
    }
    case 'person':
      return followEdit(pointer, sources)
    case 'memory':
      return undefined
  }
}

type PointerOf<S extends Pointer['source']> = Extract<Pointer, { source: S }>

function followGoal(pointer: PointerOf<'goal'>, sources: Sources): Found | undefined {
  const value = valueAt(sources.goal, pointer.path)
  if (value === undefined) return undefined
  const label: Label = sources.trust === 'owner' ? 'owner' : 'untrusted'
  if (pointer.span === undefined) return { value, label }
  if (typeof value !== 'string') return undefined
  const [start, end] = pointer.span
  return end <= value.length && start < end ? { value: value.slice(start, end), label } : undefined
}

/** Only the version that holds now: a row that was changed or removed allows nothing any more. */
function followRegistry(pointer: PointerOf<'registry'>, sources: Sources): Found | undefined {
  const row = sources.registry?.find(pointer.table, pointer.id)
  if (row === undefined || String(row.version) !== pointer.version) return undefined
  const value = valueAt(row.value, pointer.path ?? '')
  return value === undefined ? undefined : { value, label: 'registry', name: row.name }
}

function followDerivation(pointer: PointerOf<'derived'>, sources: Sources): Found | undefined {
  const found = pointer.from.map((one) => follow(one, sources))
  const ingredients = found.filter((one) => one !== undefined)
  if (ingredients.length < found.length) return undefined
  const value = derive(pointer.rule, ingredients)
  if (value === undefined) return undefined
  return { value, label: worstOf(['derived', ...ingredients.map(({ label }) => label)]) }
}

/**
 * A person's words in the place of others are derived from them at best: an edit makes nothing
 * better that strangers wrote.
 */
function followEdit(pointer: PointerOf<'person'>, sources: Sources): Found | undefined {
  const edit = sources.edits?.get(pointer.approval)
  const value = edit === undefined ? undefined : valueAt(edit.args, pointer.path)
  if (edit === undefined || value === undefined) return undefined
  const before = edit.was.provenance[pointer.path]
  if (before === undefined) {
    const isNew = valueAt(edit.was.args, pointer.path) === undefined
    return { value, label: isNew ? 'derived' : 'untrusted' }
  }
  // Without the edit itself, so that a chain of edits ends.
  const edits = new Map([...(sources.edits ?? [])].filter(([id]) => id !== pointer.approval))
  const found = follow(before, { ...sources, edits })
  return { value, label: worstOf(['derived', found?.label ?? 'untrusted']) }
}

/** The label of what a pointer leads to; what leads nowhere is untrusted. */
export const labelOf = (pointer: Pointer, sources: Sources): Label =>
  follow(pointer, sources)?.label ?? 'untrusted'

const labelOfReading = (tool: string): Label => (OWN_READINGS.has(tool) ? 'derived' : 'untrusted')

/**
 * The worst of all that had stood in the prompt, at best `derived`; what cannot be followed is
 * untrusted. Whatever the attempt had read counts, whether the call names it or not: neither a
 * model nor a Worker can leave a source out.
 */
function labelOfCall(call: Pick<ModelCall, 'sources'>, sources: Sources, depth: number): Label {
  if (depth > MAX_CHAIN) return 'untrusted'
  const named = call.sources.map((pointer): Label => {
    if (pointer.source === 'memory') return sources.memories?.get(pointer.id) ?? 'untrusted'
    if (pointer.source !== 'model') return follow(pointer, sources)?.label ?? 'untrusted'
    const earlier = sources.modelCalls?.find(({ id }) => id === pointer.call_id)
    return earlier === undefined ? 'untrusted' : labelOfCall(earlier, sources, depth + 1)
  })
  const read = (sources.readings ?? []).map(({ tool }) => labelOfReading(tool))
  const words: Label = sources.trust === 'owner' ? 'derived' : 'untrusted'
  return worstOf([words, ...named, ...read])
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

function describe(pointer: Pointer): string {
  switch (pointer.source) {
    case 'goal':
      return `goal ${pointer.path}`
    case 'registry':
      return `registry ${pointer.table} ${pointer.id} version ${pointer.version}`
    case 'derived':
      return `derivation ${pointer.rule}`
    case 'tool':
      return `reading ${pointer.result_id} of ${pointer.tool}`
    case 'model':
      return `model call ${pointer.call_id}`
    case 'person':
      return `the edit of approval ${pointer.approval}`
    case 'default':
    case 'memory':
      return pointer.source
  }
}
