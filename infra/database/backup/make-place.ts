import { canonicalHash } from '@chimera/contracts/canonical'
import { DEFAULT_AGENT, newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import type { LedgerWord } from './ledger-word.ts'

/** The rows that an effect hangs on. */
export type Place = {
  readonly tenantId: string
  readonly goalId: string
  readonly slot: string
  readonly taskId: string
  readonly attempt: number
}

const FAILURE = {
  code: 'RECORD_BEHIND',
  message:
    'The record was restored from a backup of before this; its effects are what the ledger of ' +
    'the tool server knows. Post the goal again under another id for what is missing.',
}

/**
 * Finds or makes tenant, goal, slot and task of an effect that only a ledger knows. Whatever is
 * made has ended: the plan behind it is lost, so nothing of it may run again, and everything that
 * happened can be seen. A goal that waited to be planned ends as well: its plan would be made anew
 * beside effects of the one that is lost. Nothing for an outside client's effect, whose books are
 * not in the record.
 */
export async function makePlace(
  tx: Sql,
  word: LedgerWord,
  audit: AuditDraft,
): Promise<Place | undefined> {
  const { tenant: tenantId, goal: goalId, slot } = word.scope
  if (tenantId === undefined || goalId === undefined || slot === undefined) return undefined
  await tx.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, 'restored') ON CONFLICT DO NOTHING`,
    values: [tenantId],
  })
  await placeGoal(tx, word, { tenantId, goalId }, audit)
  await tx.query({
    text: `INSERT INTO slots (tenant_id, goal_id, slot, tool) VALUES ($1, $2, $3, $4)
      ON CONFLICT DO NOTHING`,
    values: [tenantId, goalId, slot, word.tool],
  })
  const task = await placeTask(tx, word, { tenantId, goalId }, audit)
  return { tenantId, goalId, slot, ...task }
}

type GoalKey = { tenantId: string; goalId: string }

async function placeGoal(
  tx: Sql,
  word: LedgerWord,
  { tenantId, goalId }: GoalKey,
  audit: AuditDraft,
): Promise<void> {
  const note = 'made by a restore from the ledger'
  // Never the words of a goal that somebody posts: the same id then is a conflict, no repetition.
  const text = `known from the ledger alone: ${word.tool} for ${word.scope.slot ?? ''}`
  const content = { text, restored_from_ledger: word.effectKey }
  const made = await tx.query({
    text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, campaign_id,
        source, trust, content, content_hash, failure, received_at, finished_at, audit_id)
      VALUES ($1, $2, $3, 'FAILED', $4, $5, $6, 'cli', 'owner', $7, $8, $9,
        coalesce($10::timestamptz, now()), now(), $11)
      ON CONFLICT DO NOTHING RETURNING id`,
    values: [
      tenantId,
      goalId,
      newId(),
      word.mode,
      word.scope.agent ?? DEFAULT_AGENT,
      word.scope.campaign ?? null,
      JSON.stringify(content),
      canonicalHash(content),
      JSON.stringify(FAILURE),
      word.claimedAt,
      audit.idFor(tenantId),
    ],
  })
  if (made.length > 0) {
    audit.add(tenantId, { subject: 'goal', id: goalId, from: null, to: 'FAILED', note })
    return
  }
  const ended = await tx.query({
    text: `UPDATE goals SET status = 'FAILED', paused_from = NULL, failure = $3, waiting_on = NULL,
        finished_at = now(), lease_owner = NULL, lease_until = NULL, version_id = new_version(),
        audit_id = $4
      WHERE tenant_id = $1 AND id = $2 AND 'RECEIVED' IN (status, paused_from) RETURNING id`,
    values: [tenantId, goalId, JSON.stringify(FAILURE), audit.idFor(tenantId)],
  })
  if (ended.length > 0) {
    audit.add(tenantId, { subject: 'goal', id: goalId, from: 'RECEIVED', to: 'FAILED', note })
  }
}

async function placeTask(
  tx: Sql,
  word: LedgerWord,
  { tenantId, goalId }: GoalKey,
  audit: AuditDraft,
): Promise<{ taskId: string; attempt: number }> {
  const wanted = word.scope.task ?? newId()
  const [known] = await tx.query<{ id: string; attempt: number }>({
    text: 'SELECT id, attempt FROM tasks WHERE id = $1 AND tenant_id = $2 AND goal_id = $3',
    values: [wanted, tenantId, goalId],
  })
  if (known !== undefined) return { taskId: known.id, attempt: known.attempt }
  const [foreign] = await tx.query({ text: 'SELECT 1 FROM tasks WHERE id = $1', values: [wanted] })
  const taskId = foreign === undefined ? wanted : newId()
  const isDone = word.state === 'CONFIRMED'
  await tx.query({
    text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
        attempt, failure, judged_at, audit_id)
      VALUES ($1, $2, $3, $4, 'ENGAGEMENT', 'restored', $5, $6, 1, $7, now(), $8)`,
    values: [
      taskId,
      tenantId,
      goalId,
      newId(),
      isDone ? 'COMPLETED' : 'FAILED',
      isDone ? 'done' : 'dead',
      isDone ? null : JSON.stringify(FAILURE),
      audit.idFor(tenantId),
    ],
  })
  await tx.query({
    text: `INSERT INTO task_payloads (task_id, payload, constraints) VALUES ($1, '{}', '{}')`,
    values: [taskId],
  })
  audit.add(tenantId, {
    subject: 'task',
    id: taskId,
    from: null,
    to: isDone ? 'done' : 'dead',
    note: 'made by a restore from the ledger',
  })
  return { taskId, attempt: 1 }
}
