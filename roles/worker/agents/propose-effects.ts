import type { ProposedEffect } from '@chimera/contracts/effect'
import { DEFAULT_RULES, type Pointer } from '@chimera/contracts/judging/provenance'

import type { AgentTurn } from './agent-turn.ts'

/** An argument that the frozen plan has fixed: the model repeats it, and no more. */
export type BoundArgument = Readonly<{
  slot: string
  name: string
  value: string
  pointer: Pointer
}>

/** What the house adds where the model says nothing. */
const DEFAULTS: Readonly<Record<string, readonly (readonly [string, string])[]>> = {
  post_tweet: [
    ['media_ids', 'no-media'],
    ['is_ai_labeled', 'ai-labeled'],
  ],
  reply_tweet: [['is_ai_labeled', 'ai-labeled']],
}

/**
 * What a model proposed, with a pointer for every argument. An argument that the plan has fixed
 * points at the owner's words when it is still the same; everything else points at what the model
 * said, whatever words it chose: that a stranger's choice repeats the owner's words does not make
 * it the owner's.
 */
export function proposeEffects(
  callId: string,
  turn: AgentTurn,
  bound: readonly BoundArgument[],
): ProposedEffect[] {
  return turn.effects.map(({ slot, tool, args }, index) => {
    const all: Record<string, unknown> = { ...args }
    const provenance: Record<string, Pointer> = {}
    for (const [name, value] of Object.entries(args)) {
      const fixed = bound.find((one) => one.slot === slot && one.name === name)
      provenance[`/${name}`] =
        fixed !== undefined && fixed.value === value
          ? fixed.pointer
          : { source: 'model', call_id: callId, path: `/effects/${index}/args/${escaped(name)}` }
    }
    for (const [name, rule] of DEFAULTS[tool] ?? []) {
      if (Object.hasOwn(args, name)) continue
      all[name] = DEFAULT_RULES[rule]
      provenance[`/${name}`] = { source: 'default', rule }
    }
    return { slot, tool, args: all, provenance }
  })
}

/** RFC 6901. */
const escaped = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
