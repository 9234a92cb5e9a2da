import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { EffectState } from '@chimera/contracts/effect'
import type { GoalStatus } from '@chimera/contracts/goal'
import { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'

/** A receipt as somebody brought it; nothing in it is believed before its signature is. */
export type LoadedReceipt = { id: string; jws: string; carriedBy: string }

/** Reads receipts that have not been judged; the others have had their effect. */
export async function loadReceipts(sql: Sql, ids: readonly string[]): Promise<LoadedReceipt[]> {
  const rows = await sql.query<{ id: string; jws: string; carried_by: string }>({
    name: 'load-receipts',
    text: `SELECT id, jws, carried_by FROM receipts
      WHERE id = ANY($1::uuid[]) AND judged_at IS NULL ORDER BY id`,
    values: [ids],
  })
  return rows.map((row) => ({ id: row.id, jws: row.jws, carriedBy: row.carried_by }))
}

/** An effect by its grant, with its task and goal; the shape of `domain/judging` SettlingEffect. */
export type LoadedEffect = {
  effectId: string
  versionId: string
  slot: string
  state: EffectState
  effectKey: string
  round: number
  grantId: string
  argsHash: string
  account: string
  cancelling: boolean
  voidReason: string | null
  goalStatus: GoalStatus
  task: {
    taskId: string
    tenantId: string
    goalId: string
    versionId: string
    phase: TaskPhase
    attempt: number
  }
  otherSlotsOpen: number
}

type Row = {
  id: string
  version_id: string
  slot: string
  state: EffectState
  effect_key: string
  round: number
  grant_id: string
  args_hash: string
  account: string
  cancelling: boolean
  void_reason: string | null
  goal_status: GoalStatus
  task_id: string
  tenant_id: string
  goal_id: string
  task_version: string
  phase: TaskPhase
  attempt: number
  outcome: unknown
  confirmed: string[]
}

/** Reads the effects that some grants were made for. */
export async function loadEffectsByGrant(
  sql: Sql,
  grantIds: readonly string[],
): Promise<LoadedEffect[]> {
  const rows = await sql.query<Row>({
    name: 'load-effects-by-grant',
    text: `SELECT e.id, e.version_id, e.slot, e.state, e.effect_key, e.round, e.grant_id,
        e.args_hash,
        e.account, e.cancelling, e.void_reason, g.status AS goal_status, e.task_id, e.tenant_id,
        e.goal_id, t.version_id AS task_version, t.phase, t.attempt, r.outcome,
        ARRAY(SELECT o.slot FROM effects o WHERE o.tenant_id = e.tenant_id AND o.goal_id = e.goal_id
          AND o.state = 'CONFIRMED') AS confirmed
      FROM effects e
      JOIN tasks t ON t.id = e.task_id
      JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
      LEFT JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
      WHERE e.grant_id = ANY($1::uuid[])`,
    values: [grantIds],
  })
  return rows.map((row) => ({
    effectId: row.id,
    versionId: row.version_id,
    slot: row.slot,
    state: row.state,
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    account: row.account,
    cancelling: row.cancelling,
    voidReason: row.void_reason,
    goalStatus: row.goal_status,
    task: {
      taskId: row.task_id,
      tenantId: row.tenant_id,
      goalId: row.goal_id,
      versionId: row.task_version,
      phase: row.phase,
      attempt: row.attempt,
    },
    otherSlotsOpen: otherSlots(row),
  }))
}

/** Slots that the task's current result asks for and that are not confirmed, this one left out. */
function otherSlots(row: Row): number {
  const outcome = AttemptOutcome.safeParse(row.outcome)
  if (!outcome.success || outcome.data.outcome !== 'result') return 0
  return outcome.data.result.proposed_effects.filter(
    ({ slot }) => slot !== row.slot && !row.confirmed.includes(slot),
  ).length
}
