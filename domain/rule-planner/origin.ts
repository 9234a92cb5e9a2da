import type { Pointer } from '@chimera/contracts/judging/provenance'

/** A stretch of the goal's text, in UTF-16 units: `text.slice(from, to)` is the value, verbatim. */
export type Span = readonly [from: number, to: number]

/** Points at a stretch of the goal's own words. */
export const fromText = ([from, to]: Span): Pointer => ({
  source: 'goal',
  path: '/text',
  span: [from, to],
})

/** Points at a parameter of a structured goal. */
export const fromParam = (name: string): Pointer => ({ source: 'goal', path: `/params/${name}` })

/**
 * Rules of the house that plans may lean on; their values stand in
 * contracts/judging/provenance.ts.
 */
export type DefaultRule = 'no-media' | 'ai-labeled'

/** Points at a rule of the house. */
export const fromDefault = (rule: DefaultRule): Pointer => ({ source: 'default', rule })
