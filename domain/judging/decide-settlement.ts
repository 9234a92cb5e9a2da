import type { EffectState } from '@chimera/contracts/effect'
import { isToolName, TOOLS } from '@chimera/contracts/tools'

/** People who have to say the same of money before it is believed (design.md section 5, item 4). */
export const PEOPLE_FOR_MONEY = 2
/** So long a word on money waits for somebody else's: a day. */
export const SECOND_WORD_MS = 86_400_000

/** Whether what a person said of an effect is signed, waits for another one, or never will be. */
export type SettlementDecision =
  | Readonly<{ kind: 'sign' }>
  | Readonly<{ kind: 'wait' }>
  | Readonly<{ kind: 'refuse'; why: string }>

/**
 * What becomes of a person's word on an effect. Money takes two people, neither of whom asked for
 * it; a tool that is not known counts as money.
 *
 * @param of.people - who says this very thing and may approve now, without whoever asked for it
 */
export function decideSettlement(
  of: Readonly<{ state: EffectState; tool: string; people: number; ageMs: number }>,
): SettlementDecision {
  const { state, tool, people } = of
  if (state !== 'NEEDS_HUMAN' && state !== 'UNKNOWN') {
    const why = `The effect is ${state}; only NEEDS_HUMAN and UNKNOWN are settled by a person.`
    return { kind: 'refuse', why }
  }
  const isMoney = !isToolName(tool) || TOOLS[tool].money
  if (!isMoney || people >= PEOPLE_FOR_MONEY) return { kind: 'sign' }
  if (of.ageMs <= SECOND_WORD_MS) return { kind: 'wait' }
  return { kind: 'refuse', why: 'Nobody else who may approve said the same within a day.' }
}
