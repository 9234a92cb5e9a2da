import type { Persona } from '@chimera/contracts/judging/persona'

import { HONESTY_DIRECTIVE } from './honesty.ts'

/**
 * Who a model is told to be. The directive of honesty comes last and says so, and stands in every
 * prompt: a persona has no field for it, so that none can leave it out.
 */
export function renderPersona({ front, body }: Persona): string {
  const listed = (title: string, items: readonly string[]) =>
    items.length === 0 ? [] : [`${title}:`, ...items.map((item) => `- ${item}`)]
  return [
    `You are ${front.name}.`,
    ...(body.trim() === '' ? [] : [body.trim()]),
    ...listed('Voice', front.voice_traits),
    ...listed('Directives', front.directives),
    ...listed('Never write about', front.forbidden_topics),
    HONESTY_DIRECTIVE,
  ].join('\n')
}

/** The instructions of a task to a model, under the persona that it speaks as. */
export const withPersona = (persona: Persona, instructions: string): string =>
  `${renderPersona(persona)}\n\n${instructions}`
