import type { Trust } from '@chimera/contracts/goal'
import type { Pointer } from '@chimera/contracts/judging/provenance'

/** Needs a person: the words are a stranger's, or came out of something that read a stranger's. */
const OTHERS_WORDS = 0.8

/**
 * How certain it is that an effect is what the owner wants. 1 for the owner's own words, taken
 * verbatim by rule; the Judge follows every pointer and does not take this for it.
 */
export function confidenceOfPlan(trust: Trust, origin: Readonly<Record<string, Pointer>>): number {
  const isVerbatim = Object.values(origin).every(({ source }) =>
    ['goal', 'registry', 'default'].includes(source),
  )
  return trust === 'owner' && isVerbatim ? 1 : OTHERS_WORDS
}
