import { findPressed } from '@chimera/infra/database/budgets/find-pressed'
import type { LeasedGoal } from '@chimera/infra/database/goals/lease-goals'
import type { Sql } from '@chimera/infra/database/open-database'

/** What a model is told of the goal's fullest counter once 80 % of its day are used. */
export async function pressureOn(sql: Sql, goal: LeasedGoal): Promise<string | undefined> {
  const [pressed] = await findPressed(sql, [goal])
  if (pressed === undefined) return undefined
  const { scope, asset, usedPercent } = pressed
  return `${usedPercent} % of the ${asset} of the ${scope} are used today.`
}
