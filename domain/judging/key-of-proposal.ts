import { effectKey, type ProposedEffect } from '@chimera/contracts/effect'

import type { Attempt } from './attempt.ts'

/** The identity of what an attempt proposes, on an account (design.md section 5). */
export const keyOfProposal = (
  attempt: Pick<Attempt, 'tenantId' | 'goalId' | 'goal'>,
  { slot, tool }: Pick<ProposedEffect, 'slot' | 'tool'>,
  account: string | undefined,
): string =>
  effectKey({
    tenant: attempt.tenantId,
    account: account ?? '',
    goal: attempt.goalId,
    slot,
    tool,
    mode: attempt.goal.mode,
  })
