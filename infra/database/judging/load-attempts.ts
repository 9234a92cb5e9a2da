import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { GoalStatus, Mode, Trust } from '@chimera/contracts/goal'
import { AttemptOutcome } from '@chimera/contracts/task-result'
import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'

import { inState } from '../in-state.ts'
import type { Sql } from '../open-database.ts'
import { PAUSED_BY } from '../tenancy/paused.ts'

/** A task in `judging` that is due, with the outcome of its current attempt. */
export type LoadedAttempt = {
  taskId: string
  tenantId: string
  goalId: string
  versionId: string
  phase: TaskPhase
  attempt: number
  rejections: number
  maxAttempts: number
  /** Since its result came. */
  waitedMs: number
  outcome: AttemptOutcome
  goal: {
    status: GoalStatus
    mode: Mode
    trust: Trust
    agentId: string
    campaignId: string | null
    content: unknown
    /** What is paused that holds it back: itself, its agent, its campaign or its tenant. */
    pausedBy: PausableKind | null
    isCampaignCompleted: boolean
  }
}

type Row = {
  id: string
  tenant_id: string
  goal_id: string
  version_id: string
  phase: TaskPhase
  attempt: number
  rejections: number
  max_attempts: number
  waited_ms: number
  outcome: unknown
  status: GoalStatus
  mode: Mode
  trust: Trust
  agent_id: string
  campaign_id: string | null
  content: unknown
  paused_by: PausableKind | null
  is_campaign_completed: boolean
}

/**
 * Reads what is to be judged among the given tasks, longest waiting first; what is not due or not
 * in `judging` is left out.
 */
export async function loadAttempts(sql: Sql, taskIds: readonly string[]): Promise<LoadedAttempt[]> {
  const rows = await sql.query<Row>({
    name: 'load-attempts',
    text: `SELECT t.id, t.tenant_id, t.goal_id, t.version_id, t.phase, t.attempt, t.rejections,
        t.max_attempts, r.outcome, coalesce(greatest(0, extract(epoch FROM now() - t.result_at)
          * 1000), 0)::float8 AS waited_ms, g.status, g.mode, g.trust,
        g.agent_id, g.campaign_id, g.content, ${PAUSED_BY} AS paused_by,
        EXISTS (SELECT FROM campaigns c WHERE c.tenant_id = g.tenant_id AND c.id = g.campaign_id
          AND c.status = 'COMPLETED') AS is_campaign_completed
      FROM tasks t
      JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
      JOIN goals g ON g.tenant_id = t.tenant_id AND g.id = t.goal_id
      WHERE t.id = ANY($1::uuid[]) AND ${inState('t.phase', 'judging')}
        AND (t.run_at IS NULL OR t.run_at <= now())
      ORDER BY t.result_at, t.id`,
    values: [taskIds],
  })
  return rows.map((row) => ({
    taskId: row.id,
    tenantId: row.tenant_id,
    goalId: row.goal_id,
    versionId: row.version_id,
    phase: row.phase,
    attempt: row.attempt,
    rejections: row.rejections,
    maxAttempts: row.max_attempts,
    waitedMs: row.waited_ms,
    outcome: AttemptOutcome.parse(row.outcome),
    goal: {
      status: row.status,
      mode: row.mode,
      trust: row.trust,
      agentId: row.agent_id,
      campaignId: row.campaign_id,
      content: row.content,
      pausedBy: row.paused_by,
      isCampaignCompleted: row.is_campaign_completed,
    },
  }))
}

/**
 * Whether any of these goals is held back by now: to be asked in the granting transaction, after
 * its fences were locked. Whoever pauses later raises a fence above what is being granted.
 */
export async function isAnyHeld(
  sql: Sql,
  goals: readonly { tenantId: string; goalId: string }[],
): Promise<boolean> {
  const rows = await sql.query({
    name: 'is-any-held',
    text: `SELECT FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::text[])) AS k(tenant_id, id)
      JOIN goals g USING (tenant_id, id) WHERE (${PAUSED_BY}) IS NOT NULL LIMIT 1`,
    values: [goals.map(({ tenantId }) => tenantId), goals.map(({ goalId }) => goalId)],
  })
  return rows.length > 0
}
