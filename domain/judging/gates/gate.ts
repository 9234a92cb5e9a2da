import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Vote } from '@chimera/contracts/judging/verdict'

import type { Account, Attempt, EffectScene, Round } from '../attempt.ts'

/** What every gate looks at: one proposed effect whose tool has an account, and the world. */
export type GateInput = {
  readonly attempt: Attempt
  readonly effect: ProposedEffect
  readonly account: Account
  /** The rounds that the slot has had, all of them closed. */
  readonly rounds: readonly Round[]
  readonly scene: EffectScene
}

/** A gate can add a demand; none can remove one. Pure, and it fails closed. */
export type Gate = (input: GateInput) => readonly Vote[]
