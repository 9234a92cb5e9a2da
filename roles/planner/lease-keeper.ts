import { type LeasedGoal, renewGoalLeases } from '@chimera/infra/database/goals/lease-goals'

import type { PlannerDeps } from './plan-goals.ts'

/** Renews the leases of goals that a model thinks about. */
export type LeaseKeeper = AsyncDisposable & Readonly<{ done: (goal: LeasedGoal) => void }>

/** A lease is renewed at a third of its time, so that two renewals may fail. */
const PARTS = 3

/** Keeps the leases until each goal is done, or all of them by disposing. */
export function openLeaseKeeper(
  deps: Pick<PlannerDeps, 'database' | 'actor' | 'leaseMs' | 'log'>,
  goals: readonly LeasedGoal[],
): LeaseKeeper {
  const { database, actor: owner, leaseMs, log } = deps
  const held = new Set(goals)
  let renewal: Promise<unknown> = Promise.resolve()
  const renew = (): void => {
    renewal = renewGoalLeases(database, { goals: [...held], owner, leaseMs }).catch(
      // Whoever takes the goal meanwhile wins at the commit; nothing is lost but time.
      (err: unknown) => log.warn({ err }, 'the leases of goals were not renewed'),
    )
  }
  const timer = setInterval(renew, leaseMs / PARTS)
  return {
    done: (goal) => void held.delete(goal),
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await renewal
    },
  }
}
