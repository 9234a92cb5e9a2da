import type { Vote } from '@chimera/contracts/judging/verdict'
import { isToolName, TOOLS } from '@chimera/contracts/tools'

import { checkProvenance } from '../provenance.ts'
import type { GateInput } from './gate.ts'
import { sourcesOf } from './provenance-gate.ts'

/** A text that is to leave the house. */
export type LeavingText = {
  readonly name: string
  readonly text: string
  /** The owner's own words, verbatim: another attempt would say the very same. */
  readonly isOwners: boolean
}

/** The texts of an effect that are to leave the house. */
export function leavingTexts({ attempt, effect, scene }: GateInput): LeavingText[] {
  const names = isToolName(effect.tool) ? TOOLS[effect.tool].textArguments : []
  if (names.length === 0) return []
  const { labels } = checkProvenance(effect, sourcesOf(attempt, scene))
  return names.flatMap((name) => {
    const text = effect.args[name]
    return typeof text === 'string'
      ? [{ name, text, isOwners: labels[`/${name}`] === 'owner' }]
      : []
  })
}

/** Words that a model chose may be chosen better; the owner's cannot. */
export const refusal = (isOwners: boolean): Vote['vote'] => (isOwners ? 'deny' : 'reject')
