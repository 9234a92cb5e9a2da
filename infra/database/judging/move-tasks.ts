import {
  PHASES,
  type TaskPhase,
  type TaskStatus,
  type TaskType,
} from '@chimera/contracts/agent-task'
import { ConflictError, InvariantError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import type { AuditItem } from '@chimera/contracts/trail/audit'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'
import { countEnded, type Ended, type GoalToReplan } from './count-ended.ts'

/** How one task moves; the shape of `domain/judging` TaskMove. */
export type TaskMoveRow = {
  readonly taskId: string
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
  readonly from: TaskPhase
  readonly to: TaskPhase
  readonly attempt: number
  readonly delayMs: number | null
  readonly waitingOn: unknown
  readonly waitsFor: string | null
  readonly failure: { readonly code: string; readonly message: string } | null
  readonly feedback: string | null
  readonly isRejection: boolean
  readonly confidence: number | null
  readonly verdict: unknown
}

/** A task whose doorbell is to be rung after the commit. */
export type ReadyTask = { taskId: string; tenantId: string; goalId: string; type: TaskType }

/** The wire status that a phase refines. */
export function statusOf(phase: TaskPhase): TaskStatus {
  for (const status of ['PENDING', 'IN_PROGRESS', 'REVIEW', 'COMPLETED', 'FAILED'] as const) {
    if (PHASES[status].some((name) => name === phase)) return status
  }
  throw new InvariantError(`Phase ${phase} refines no status.`)
}

/** A task had been moved by somebody else when all were taken to be there still. */
export class LostMoveError extends ConflictError {}

type Moved = { moved: Set<string>; ready: ReadyTask[]; replan: GoalToReplan[] }

/**
 * Moves tasks by compare-and-set, and their children and goals with them, inside the caller's
 * transaction. Answers who moved (the others lost a race and are to be read again), which tasks
 * became ready, and which goals wait for another plan.
 *
 * An `eager` caller takes it that nobody loses, and the whole is one round trip. Throws
 * LostMoveError when somebody did: the transaction has to be rolled back, and be done without.
 */
export async function moveTasks(
  tx: Sql,
  moves: readonly TaskMoveRow[],
  audit: AuditDraft,
  { eager = false }: { eager?: boolean } = {},
): Promise<Moved> {
  if (moves.length === 0) return { moved: new Set(), ready: [], replan: [] }
  const isEager = eager && moves.every((move) => statusOf(move.to) !== 'FAILED')
  return isEager ? moveAll(tx, moves, audit) : moveWinners(tx, moves, audit)
}

/** All of them, of which none fails: what follows from it is known before. */
async function moveAll(tx: Sql, moves: readonly TaskMoveRow[], audit: AuditDraft): Promise<Moved> {
  for (const move of moves) audit.add(move.tenantId, transition(move), move.goalId)
  const done = moves.filter((move) => move.to === 'done')
  const [types, freed, replan] = await Promise.all([
    writeMoves(tx, moves, audit),
    freeChildren(tx, done, audit),
    countEnded(tx, done, audit),
  ])
  if (types.size < moves.length) {
    throw new LostMoveError('VERSION_CONFLICT', 'A task moved while its verdict was made.')
  }
  return { moved: new Set(types.keys()), ready: [...readyOf(moves, types), ...freed], replan }
}

/** Those that win, and then what follows from them. */
async function moveWinners(
  tx: Sql,
  moves: readonly TaskMoveRow[],
  audit: AuditDraft,
): Promise<Moved> {
  const types = await writeMoves(tx, moves, audit)
  const winners = moves.filter((move) => types.has(move.taskId))
  for (const move of winners) audit.add(move.tenantId, transition(move), move.goalId)

  const done = winners.filter((move) => move.to === 'done')
  const failed = winners.filter((move) => statusOf(move.to) === 'FAILED')
  const ended = failed.map((move) =>
    move.isRejection ? { ...move, rejectedId: move.taskId } : move,
  )
  // Nothing of a goal's count hangs on which children are free: both are asked at once.
  const free = freeChildren(tx, done, audit)
  const orphans = await failDescendants(tx, failed, audit)
  const [freed, replan] = await Promise.all([
    free,
    countEnded(tx, [...done, ...ended, ...orphans], audit),
  ])
  return { moved: new Set(types.keys()), ready: [...readyOf(winners, types), ...freed], replan }
}

/** Those that are to be done again. */
function readyOf(moves: readonly TaskMoveRow[], types: ReadonlyMap<string, TaskType>): ReadyTask[] {
  return moves.flatMap(({ taskId, tenantId, goalId, to }) => {
    const type = types.get(taskId)
    return to === 'ready' && type !== undefined ? [{ taskId, tenantId, goalId, type }] : []
  })
}

/** One statement for all moves; returns the type of each task that moved. */
async function writeMoves(
  tx: Sql,
  moves: readonly TaskMoveRow[],
  audit: AuditDraft,
): Promise<Map<string, TaskType>> {
  const sorted = moves.toSorted((a, b) => (a.taskId < b.taskId ? -1 : 1))
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  const rows = await tx.query<{ id: string; type: TaskType }>({
    name: 'move-tasks',
    text: `UPDATE tasks t SET version_id = u.fresh, status = u.status, phase = u.phase,
        run_at = now() + u.delay_ms * interval '1 millisecond', waiting_on = u.waiting_on,
        waits_for = u.waits_for, failure = u.failure,
        feedback = coalesce(u.feedback, t.feedback),
        rejections = t.rejections + u.rejected::int,
        confidence = coalesce(u.confidence, t.confidence),
        verdict = coalesce(u.verdict, t.verdict), judged_at = now(),
        ready_at = CASE WHEN u.phase = 'ready' THEN now() ELSE t.ready_at END, audit_id = u.audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::float8[],
        $7::jsonb[], $8::jsonb[], $9::text[], $10::bool[], $11::float8[], $12::jsonb[], $13::uuid[],
        $14::text[])
        AS u(id, version_id, fresh, status, phase, delay_ms, waiting_on, failure, feedback,
          rejected, confidence, verdict, audit_id, waits_for)
      WHERE t.id = u.id AND t.version_id = u.version_id
      RETURNING t.id, t.type`,
    values: [
      sorted.map((move) => move.taskId),
      sorted.map((move) => move.versionId),
      sorted.map(() => newId()),
      sorted.map((move) => statusOf(move.to)),
      sorted.map((move) => move.to),
      sorted.map((move) => move.delayMs),
      sorted.map((move) => json(move.waitingOn)),
      sorted.map((move) => json(move.failure)),
      sorted.map((move) => move.feedback),
      sorted.map((move) => move.isRejection),
      sorted.map((move) => move.confidence),
      sorted.map((move) => json(move.verdict)),
      sorted.map((move) => audit.idFor(move.tenantId)),
      sorted.map((move) => move.waitsFor),
    ],
  })
  return new Map(rows.map((row) => [row.id, row.type]))
}

function transition(move: TaskMoveRow): AuditItem {
  return {
    subject: 'task',
    id: move.taskId,
    attempt: move.attempt,
    from: move.from,
    to: move.to,
    ...(move.failure === null ? {} : { note: move.failure.code }),
  }
}

/** Children of completed tasks have one open parent less; those with none left are ready. */
async function freeChildren(
  tx: Sql,
  done: readonly TaskMoveRow[],
  audit: AuditDraft,
): Promise<ReadyTask[]> {
  if (done.length === 0) return []
  const rows = await tx.query<{
    id: string
    tenant_id: string
    goal_id: string
    type: TaskType
    parents_open: number
  }>({
    name: 'free-children',
    text: `WITH freed AS (
        SELECT d.child_id, count(*)::int AS n FROM task_dependencies d
        WHERE d.parent_id = ANY($1::uuid[]) GROUP BY d.child_id
      ), locked AS (
        SELECT t.id, f.n FROM tasks t JOIN freed f ON f.child_id = t.id
        WHERE t.phase = 'blocked' ORDER BY t.id FOR UPDATE OF t
      )
      UPDATE tasks t SET parents_open = t.parents_open - l.n, version_id = new_version(),
        phase = CASE WHEN t.parents_open = l.n THEN 'ready' ELSE 'blocked' END,
        ready_at = CASE WHEN t.parents_open = l.n THEN now() END,
        waiting_on = CASE WHEN t.parents_open = l.n THEN NULL ELSE t.waiting_on END,
        audit_id = a.audit_id
      FROM locked l, unnest($2::uuid[], $3::uuid[]) AS a(tenant_id, audit_id)
      WHERE t.id = l.id AND a.tenant_id = t.tenant_id
      RETURNING t.id, t.tenant_id, t.goal_id, t.type, t.parents_open`,
    values: [done.map((move) => move.taskId), ...auditIds(done, audit)],
  })
  const ready = rows.filter((row) => row.parents_open === 0)
  for (const row of ready) {
    audit.add(
      row.tenant_id,
      { subject: 'task', id: row.id, from: 'blocked', to: 'ready' },
      row.goal_id,
    )
  }
  return ready.map((row) => ({
    taskId: row.id,
    tenantId: row.tenant_id,
    goalId: row.goal_id,
    type: row.type,
  }))
}

/** What depends on a failed task, at any depth, cannot run any more. */
async function failDescendants(
  tx: Sql,
  failed: readonly TaskMoveRow[],
  audit: AuditDraft,
): Promise<Ended[]> {
  if (failed.length === 0) return []
  const failure = {
    code: 'PARENT_FAILED',
    message: 'A task that this one depends on has failed.',
  }
  const rows = await tx.query<{ id: string; tenant_id: string; goal_id: string }>({
    name: 'fail-descendants',
    text: `WITH RECURSIVE below AS (
        SELECT child_id FROM task_dependencies WHERE parent_id = ANY($1::uuid[])
        UNION
        SELECT d.child_id FROM task_dependencies d JOIN below b ON d.parent_id = b.child_id
      ), locked AS (
        SELECT t.id FROM tasks t JOIN below b ON b.child_id = t.id
        WHERE t.status = 'PENDING' ORDER BY t.id FOR UPDATE OF t
      )
      UPDATE tasks t SET status = 'FAILED', phase = 'cancelled', version_id = new_version(),
        failure = $4, waiting_on = NULL, judged_at = now(), audit_id = a.audit_id
      FROM locked l, unnest($2::uuid[], $3::uuid[]) AS a(tenant_id, audit_id)
      WHERE t.id = l.id AND a.tenant_id = t.tenant_id
      RETURNING t.id, t.tenant_id, t.goal_id`,
    values: [
      failed.map((move) => move.taskId),
      ...auditIds(failed, audit),
      JSON.stringify(failure),
    ],
  })
  return rows.map((row) => {
    const item = { subject: 'task', id: row.id, from: 'blocked', to: 'cancelled' } as const
    audit.add(row.tenant_id, { ...item, note: failure.code }, row.goal_id)
    return { tenantId: row.tenant_id, goalId: row.goal_id, failure }
  })
}

function auditIds(of: readonly { tenantId: string }[], audit: AuditDraft): [string[], string[]] {
  const tenants = [...new Set(of.map((move) => move.tenantId))]
  return [tenants, tenants.map((tenant) => audit.idFor(tenant))]
}
