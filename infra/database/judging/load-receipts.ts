import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { EffectState } from '@chimera/contracts/effect'
import type { GoalStatus } from '@chimera/contracts/goal'
import { AttemptOutcome } from '@chimera/contracts/task-result'

import type { Sql } from '../open-database.ts'

/** A receipt as somebody brought it; nothing in it is believed before its signature is. */
export type LoadedReceipt = { id: string; jws: string; carriedBy: string }

/**
 * Reads receipts that have not been judged; the others have had their effect. With them those whose
 * grant the record does not know: whose they are stands in their words.
 */
export async function loadReceipts(sql: Sql, ids: readonly string[]): Promise<LoadedReceipt[]> {
  const rows = await sql.query<{ id: string; jws: string; carried_by: string }>({
    name: 'load-receipts',
    text: `SELECT id, jws, carried_by FROM receipts r
      WHERE id = ANY($1::uuid[]) AND judged_at IS NULL
        AND EXISTS (SELECT FROM effects e WHERE e.grant_id = r.grant_id)
      UNION ALL SELECT id, jws, carried_by FROM stray_receipts($1::uuid[]) ORDER BY id`,
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
  costUsdMicros: bigint
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
  /** Whether a model had a part in the result of its task. */
  isModelMade: boolean
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
  cost_usd_micros: string
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

const EFFECT_COLUMNS = `e.id, e.version_id, e.slot, e.state, e.effect_key, e.round, e.grant_id,
  e.args_hash, e.account, e.cost_usd_micros, e.cancelling, e.void_reason,
  g.status AS goal_status, e.task_id, e.tenant_id, e.goal_id, t.version_id AS task_version, t.phase,
  t.attempt, r.outcome,
  ARRAY(SELECT o.slot FROM effects o WHERE o.tenant_id = e.tenant_id AND o.goal_id = e.goal_id
    AND o.state = 'CONFIRMED') AS confirmed`

const EFFECT_TABLES = `effects e
  JOIN tasks t ON t.id = e.task_id
  JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
  LEFT JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt`

/** Reads the effects that some grants were made for. */
export async function loadEffectsByGrant(
  sql: Sql,
  grantIds: readonly string[],
): Promise<LoadedEffect[]> {
  const rows = await sql.query<Row>({
    name: 'load-effects-by-grant',
    text: `SELECT ${EFFECT_COLUMNS} FROM ${EFFECT_TABLES} WHERE e.grant_id = ANY($1::uuid[])`,
    values: [grantIds],
  })
  return rows.map(effectOf)
}

/** An effect whose slot a ledger says is held by a grant that the record does not know. */
export type HeldEffect = LoadedEffect & {
  /** Rounds of the slot that the record knows closed. */
  closedRounds: number[]
}

/** Reads the open rows of some slots by effect key, for receipts of unknown grants. */
export async function loadHeldEffects(
  sql: Sql,
  effectKeys: readonly string[],
): Promise<HeldEffect[]> {
  if (effectKeys.length === 0) return []
  const rows = await sql.query<Row & { closed_rounds: number[] }>({
    name: 'load-held-effects',
    text: `SELECT ${EFFECT_COLUMNS},
        ARRAY(SELECT c.round FROM effects c WHERE c.effect_key = e.effect_key AND c.state IN
          ('REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'EXPIRED', 'CANCELLED', 'DENIED'))
          AS closed_rounds
      FROM ${EFFECT_TABLES}
      WHERE e.effect_key = ANY($1) AND e.state IN ('GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')
        AND e.adopted_from IS NULL`,
    values: [effectKeys],
  })
  return rows.map((row) => ({ ...effectOf(row), closedRounds: row.closed_rounds }))
}

function effectOf(row: Row): LoadedEffect {
  return {
    effectId: row.id,
    versionId: row.version_id,
    slot: row.slot,
    state: row.state,
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    account: row.account,
    costUsdMicros: BigInt(row.cost_usd_micros),
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
    ...ofResult(row),
  }
}

/** Of the task's current result: slots that are not confirmed, this one left out, and by whom. */
function ofResult(row: Row): Pick<LoadedEffect, 'otherSlotsOpen' | 'isModelMade'> {
  const outcome = AttemptOutcome.safeParse(row.outcome)
  if (!outcome.success || outcome.data.outcome !== 'result') {
    return { otherSlotsOpen: 0, isModelMade: false }
  }
  const { proposed_effects: effects, model_calls: calls = [] } = outcome.data.result
  const isOpen = ({ slot }: { slot: string }) => slot !== row.slot && !row.confirmed.includes(slot)
  return { otherSlotsOpen: effects.filter(isOpen).length, isModelMade: calls.length > 0 }
}
