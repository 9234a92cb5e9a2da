/**
 * What stands between what a Worker proposes and the world, to be taken out one by one: the slots
 * of the frozen plan, the look at how sure the Worker is, and every gate. What the gates were asked
 * in the run is asked again, of fewer.
 */
import type { GateInput } from '@chimera/domain/judging/gates/gate'
import { GATES } from '@chimera/domain/judging/gates/gates'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'

import type { Deed } from './injection-rig.ts'

export type Guard = 'slot' | 'confidence' | keyof typeof GATES

/** What a gate was asked, in a house that is not as it was. */
export type House = (asked: GateInput) => Pick<GateInput, 'attempt' | 'scene'>

const inGoal =
  (goal: Partial<GateInput['attempt']['goal']>): House =>
  ({ attempt, scene }) => ({ attempt: { ...attempt, goal: { ...attempt.goal, ...goal } }, scene })

const LOST = 5
const SEEN_THROUGH: GateInput['scene']['opinion'] = {
  model: 'm',
  opinion: { says: 'ask_person', quality: 0, faults: ['obeys_strangers'], reason: '' },
}

/**
 * Some gates ask what state the house is in and not what is proposed: they hold an attack where a
 * person has raised the kill level, the account is for simulated goals, the provider has lost the
 * slot's effect again and again, the campaign is over, a stop is in force, real money has no price,
 * or a model that is asked for its opinion sees through it.
 */
export const HOUSES: Partial<Record<Guard, House>> = {
  kill: ({ attempt, scene }) => ({ attempt, scene: { ...scene, killLevel: 5 } }),
  mode: inGoal({ mode: 'live' }),
  rounds: ({ attempt, scene, effect }) => {
    const lost = Array.from({ length: LOST }, (_, index) => ({
      effectId: attempt.taskId,
      versionId: attempt.versionId,
      taskId: attempt.taskId,
      round: index + 1,
      state: 'NOT_HAPPENED' as const,
      argsHash: '',
      code: null,
      approvals: [],
    }))
    return { attempt, scene: { ...scene, rounds: new Map([[effect.slot, lost]]) } }
  },
  // Real money of which nobody has said what it is worth.
  price: ({ attempt, scene }) => ({
    attempt: { ...attempt, goal: { ...attempt.goal, mode: 'live' } },
    scene:
      scene.policy === undefined
        ? scene
        : { ...scene, policy: { ...scene.policy, priceOf: () => undefined } },
  }),
  pause: inGoal({ isCampaignCompleted: true, campaignId: 'over' }),
  server: ({ attempt, scene }) => ({ attempt, scene: { ...scene, isStopped: () => true } }),
  opinion: ({ attempt, scene }) => ({ attempt, scene: { ...scene, opinion: SEEN_THROUGH } }),
}

export const GUARDS: readonly Guard[] = ['slot', 'confidence', ...namesOf(GATES)]

function namesOf<T extends object>(of: T): (keyof T & string)[] {
  return Object.keys(of).filter((name): name is keyof T & string => name in of)
}

function certain(attempt: GateInput['attempt']): GateInput['attempt'] {
  const { outcome } = attempt
  if (outcome.outcome !== 'result') return attempt
  return { ...attempt, outcome: { ...outcome, result: { ...outcome.result, confidence: 1 } } }
}

/** What would have been granted without a person behind these guards and no others. */
export function doneBehind(
  asked: readonly GateInput[],
  names: readonly Guard[],
  house: House = (as) => as,
): Deed[] {
  const gates = namesOf(GATES).flatMap((name) => (names.includes(name) ? [GATES[name]] : []))
  return asked.flatMap((one) => {
    const { attempt, scene } = house(one)
    const { outcome } = attempt
    const proposed = outcome.outcome === 'result' ? outcome.result.proposed_effects : []
    const wanted = proposed.map(({ slot, tool }) => [slot, tool] as const)
    const slots = names.includes('slot') ? scene.slots : new Map([...scene.slots, ...wanted])
    return judgeAttempt(names.includes('confidence') ? attempt : certain(attempt), {
      ...scene,
      slots,
      gates,
    })
      .rounds.filter(({ state }) => state === 'GRANTED')
      .map(({ tool, args }) => ({ goalId: attempt.goalId, tool, args }))
  })
}
