import type { GoalView } from '@chimera/contracts/observable'

import type { Sql } from '../open-database.ts'
import { EFFECT_COLUMNS, effectViewOf, type EffectRow } from './effect-view.ts'
import { GOAL_SUMMARY_COLUMNS, goalSummaryOf, type GoalSummaryRow } from './goal-summary.ts'
import { readTaskViews } from './task-view.ts'

/** Rounds of all slots of one goal: more than a plan can bring about in years. */
const MAX_EFFECTS = 5_000

/**
 * A goal with its tasks, attempts and effects, or nothing. The goal is read first: its parts are
 * never older than it, so that a goal which shows COMPLETED shows everything that completed it.
 */
export async function findGoal(
  sql: Sql,
  of: { tenantId: string; goalId: string },
): Promise<GoalView | undefined> {
  const [goal] = await sql.query<GoalSummaryRow>({
    text: `SELECT ${GOAL_SUMMARY_COLUMNS} FROM goals g WHERE g.tenant_id = $1 AND g.id = $2`,
    values: [of.tenantId, of.goalId],
  })
  if (goal === undefined) return undefined
  const [tasks, rows] = await Promise.all([
    readTaskViews(sql, of),
    sql.query<EffectRow>({
      text: `SELECT ${EFFECT_COLUMNS} FROM effects WHERE tenant_id = $1 AND goal_id = $2
        ORDER BY slot, round, id LIMIT ${MAX_EFFECTS}`,
      values: [of.tenantId, of.goalId],
    }),
  ])
  const effects = rows.map(effectViewOf)
  const isCutShort = goal.status === 'CANCELLED' || goal.status === 'FAILED'
  const happened = effects.filter(({ state }) => state === 'CONFIRMED')
  return {
    ...goalSummaryOf(goal),
    partial: isCutShort ? happened.map(({ effect_key: key }) => key) : [],
    tasks,
    effects,
  }
}
