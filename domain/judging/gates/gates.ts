import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Vote } from '@chimera/contracts/judging/verdict'
import { isToolName } from '@chimera/contracts/tools'

import type { Account, Attempt, EffectScene, Round } from '../attempt.ts'
import { contentGate } from './content-gate.ts'
import type { Gate } from './gate.ts'
import { killGate } from './kill-gate.ts'
import { modeGate } from './mode-gate.ts'
import { moneyGate } from './money-gate.ts'
import { opinionGate } from './opinion-gate.ts'
import { pauseGate } from './pause-gate.ts'
import { personaGate } from './persona-gate.ts'
import { policyGate } from './policy-gate.ts'
import { priceGate } from './price-gate.ts'
import { provenanceGate } from './provenance-gate.ts'
import { roundsGate } from './rounds-gate.ts'
import { serverGate } from './server-gate.ts'

/** All of them vote on every proposed effect (design.md section 2 step 4). */
export const GATES = {
  kill: killGate,
  mode: modeGate,
  provenance: provenanceGate,
  persona: personaGate,
  content: contentGate,
  money: moneyGate,
  price: priceGate,
  rounds: roundsGate,
  pause: pauseGate,
  server: serverGate,
  policy: policyGate,
  opinion: opinionGate,
} as const satisfies Readonly<Record<string, Gate>>

/** In the order in which they vote. */
export const ALL_GATES: readonly Gate[] = Object.values(GATES)

/** The votes on one proposed effect; without a tool server there is nothing to vote on. */
export function gateVotes(of: {
  readonly attempt: Attempt
  readonly effect: ProposedEffect
  readonly account: Account | undefined
  readonly rounds: readonly Round[]
  readonly scene: EffectScene
}): Vote[] {
  const { account, effect, scene } = of
  const votes: Vote[] = []
  if (scene.slots.get(effect.slot) !== effect.tool) {
    const reason = `The frozen plan has no slot ${effect.slot} for ${effect.tool}.`
    votes.push({ gate: 'slot', vote: 'deny', code: 'SLOT_UNKNOWN', reason })
  }
  if (!isToolName(effect.tool) || account === undefined) {
    const reason =
      `No tool server serves ${effect.tool} for this agent: \`chimera status\` shows which there ` +
      'are, docs/operations.md how to start others.'
    votes.push({ gate: 'tool', vote: 'deny', code: 'TOOL_NOT_AVAILABLE', reason })
    return votes
  }
  return [...votes, ...scene.gates.flatMap((gate) => gate({ ...of, account }))]
}
