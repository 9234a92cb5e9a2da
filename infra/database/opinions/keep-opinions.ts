import { canonicalHash } from '@chimera/contracts/canonical'
import { OpinionAnswer } from '@chimera/contracts/judging/opinion'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'

/** One attempt, of which there is one opinion at most. */
export type OpinionKey = Readonly<{
  tenantId: string
  goalId: string
  taskId: string
  attempt: number
}>

/** What the record has of a question: `domain/judging/opinions` KeptOpinion. */
export type LoadedOpinion = {
  asked: number
  leftMs: number
  given: GivenAnswer | undefined
}
type GivenAnswer =
  | { readonly model: string; readonly opinion: OpinionOutput }
  | { readonly missing: string }
type OpinionOutput = Extract<OpinionAnswer, { call: unknown }>['call']['output']

type Row = {
  task_id: string
  attempt: number
  asked: number
  left_ms: number
  answer: unknown
}

/** Reads what there is of some attempts, by task; no statement for none. */
export async function loadOpinions(
  sql: Sql,
  of: readonly Omit<OpinionKey, 'goalId'>[],
): Promise<ReadonlyMap<string, LoadedOpinion>> {
  if (of.length === 0) return new Map()
  const rows = await sql.query<Row>({
    name: 'load-opinions',
    text: `SELECT o.task_id, o.attempt, o.asked, o.answer,
        (extract(epoch FROM o.asked_until - now()) * 1000)::float8 AS left_ms
      FROM opinions o JOIN unnest($1::uuid[], $2::uuid[], $3::int[])
        AS k(tenant_id, task_id, attempt) USING (tenant_id, task_id, attempt)`,
    values: [
      of.map(({ tenantId }) => tenantId),
      of.map(({ taskId }) => taskId),
      of.map(({ attempt }) => attempt),
    ],
  })
  return new Map(
    rows.map(({ task_id: taskId, asked, left_ms: leftMs, answer }) => {
      const given = answer === null ? undefined : givenBy(OpinionAnswer.parse(answer))
      return [taskId, { asked, leftMs, given }]
    }),
  )
}

const givenBy = (answer: OpinionAnswer): GivenAnswer =>
  'call' in answer
    ? { model: answer.call.model, opinion: answer.call.output }
    : { missing: answer.failure.code }

/**
 * Writes down that a model is about to be asked, in the transaction that lets the tasks wait for
 * it. Answers the number of the question by task; who is not in it is asked about by another Judge,
 * or not at all any more.
 */
export async function claimOpinions(
  tx: Sql,
  of: { keys: readonly OpinionKey[]; waitMs: number; maxAsked: number },
  audit: AuditDraft,
): Promise<ReadonlyMap<string, number>> {
  const { keys, waitMs, maxAsked } = of
  if (keys.length === 0) return new Map()
  const rows = await tx.query<{ task_id: string; asked: number }>({
    name: 'claim-opinions',
    text: `INSERT INTO opinions AS o (tenant_id, task_id, attempt, asked_until, audit_id)
      SELECT k.tenant_id, k.task_id, k.attempt, now() + $5 * interval '1 millisecond', k.audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::int[], $4::uuid[])
        AS k(tenant_id, task_id, attempt, audit_id) ORDER BY k.task_id
      ON CONFLICT (tenant_id, task_id, attempt) DO UPDATE
        SET asked = o.asked + 1, asked_until = excluded.asked_until, audit_id = excluded.audit_id
        WHERE o.answer IS NULL AND o.asked_until <= now() AND o.asked < $6
      RETURNING task_id, asked`,
    values: [
      keys.map(({ tenantId }) => tenantId),
      keys.map(({ taskId }) => taskId),
      keys.map(({ attempt }) => attempt),
      keys.map(({ tenantId }) => audit.idFor(tenantId)),
      waitMs,
      maxAsked,
    ],
  })
  return new Map(rows.map(({ task_id: taskId, asked }) => [taskId, asked]))
}

/**
 * Writes what came of a question and makes its task due. Only the newest question is answered, and
 * once: of one that was given up nothing is written. Answers the audit, for the feed.
 */
export async function writeOpinion(
  database: Database,
  of: OpinionKey & { readonly asked: number; readonly answer: OpinionAnswer; actor: string },
): Promise<AuditDraft | undefined> {
  const { tenantId, goalId, taskId, attempt, asked, answer, actor } = of
  const audit = draftAudit()
  const auditId = audit.idFor(tenantId)
  return database.transaction(async (tx) => {
    // The task first, as verdicts do. A new version even if it is due: whoever judges it right now
    // has not seen the answer.
    await tx.query({
      name: 'wake-for-opinion',
      text: `UPDATE tasks SET run_at = now(), version_id = new_version()
        WHERE id = $1 AND tenant_id = $2 AND attempt = $3 AND phase = 'judging'`,
      values: [taskId, tenantId, attempt],
    })
    const written = await tx.query({
      name: 'write-opinion',
      text: `UPDATE opinions SET answer = $5, answered_at = now(), audit_id = $6
        WHERE tenant_id = $1 AND task_id = $2 AND attempt = $3 AND asked = $4 AND answer IS NULL
        RETURNING task_id`,
      values: [tenantId, taskId, attempt, asked, JSON.stringify(answer), auditId],
    })
    if (written.length === 0) return undefined
    const item = { subject: 'task', id: taskId, attempt, from: 'judging', to: 'judging' } as const
    const output = canonicalHash(answer)
    audit.add(tenantId, { ...item, ...hashOf(answer), output, note: noteOf(answer) }, goalId)
    await appendAudit(tx, audit, actor)
    return audit
  })
}

const hashOf = (answer: OpinionAnswer): { input?: string } =>
  'call' in answer ? { input: answer.call.prompt_hash } : {}

/** No word of the model: the feed is read by people at a glance. */
function noteOf(answer: OpinionAnswer): string {
  if ('failure' in answer) return `no opinion: ${answer.failure.code}`
  const { model, output } = answer.call
  const faults = output.faults.length === 0 ? '' : ` (${output.faults.join(', ')})`
  return `opinion of ${model}: ${output.says}${faults}, quality ${output.quality}`.slice(0, 500)
}
