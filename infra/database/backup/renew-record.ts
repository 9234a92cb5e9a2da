import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { killLevelOf, raisedTo } from '@chimera/contracts/judging/kill'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import { lockKill, writeKill } from '../kill/kill-row.ts'
import type { Database, Sql } from '../open-database.ts'
import type { LedgerHead } from './ledger-word.ts'

const ACTOR = 'restore'
const EVERYTHING = 'everything'

/** The new life of a restored record. */
export type RenewedRecord = {
  readonly incarnation: string
  readonly previous: string
  readonly fence: { readonly scope: string; readonly epoch: number }
}

/**
 * Begins a new life of the record, stopped: a fresh incarnation; every fence at least as high as
 * any ledger knows it, and `everything` above all of them; every kill level as high as any ledger
 * has it; no account open; no lease, marker,
 * question or approval of the old life in force. In one transaction, before anything can start.
 */
export async function renewRecord(of: {
  database: Database
  ledgers: readonly LedgerHead[]
}): Promise<RenewedRecord> {
  return of.database.transaction(async (tx) => {
    const audit = draftAudit()
    const life = await newIncarnation(tx)
    const epoch = await raiseFences(tx, of.ledgers, audit)
    await keepKillLevels(tx, of.ledgers)
    await closeAccounts(tx)
    await endLeases(tx, audit)
    await endQuestions(tx)
    await voidApprovals(tx, audit)
    await appendAudit(tx, audit, ACTOR)
    return { ...life, fence: { scope: EVERYTHING, epoch } }
  })
}

async function newIncarnation(tx: Sql): Promise<{ incarnation: string; previous: string }> {
  const [row] = await tx.query<{ incarnation: string; previous: string }>({
    text: `UPDATE record_incarnation r SET incarnation = $1, since = now()
      FROM (SELECT incarnation FROM record_incarnation) AS o
      RETURNING r.incarnation, o.incarnation AS previous`,
    values: [newId()],
  })
  if (row === undefined) throw new Error('The restored record has no incarnation.')
  return row
}

async function raiseFences(
  tx: Sql,
  ledgers: readonly LedgerHead[],
  audit: AuditDraft,
): Promise<number> {
  for (const { scope, epoch, stopped } of ledgers.flatMap(({ fences }) => fences)) {
    await tx.query({
      text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
        VALUES ($1, $2, $3, 'as a ledger knows it', $4)
        ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch, stopped = excluded.stopped,
          reason = excluded.reason, actor = excluded.actor, changed_at = now()
        WHERE f.epoch < excluded.epoch`,
      values: [scope, epoch, stopped, ACTOR],
    })
  }
  const [row] = await tx.query<{ epoch: string }>({
    text: `INSERT INTO fences AS f (scope, epoch, stopped, reason, actor)
      SELECT $1, coalesce(max(epoch), 0) + 1, true, 'the record was restored', $2 FROM fences
      ON CONFLICT (scope) DO UPDATE SET epoch = excluded.epoch, stopped = true,
        reason = excluded.reason, actor = excluded.actor, changed_at = now()
      RETURNING epoch`,
    values: [EVERYTHING, ACTOR],
  })
  const epoch = Number(row?.epoch)
  audit.add(DEFAULT_TENANT, {
    subject: 'fence',
    id: EVERYTHING,
    from: null,
    to: 'RAISED',
    note: `epoch ${epoch}: the record was restored`,
  })
  return epoch
}

/**
 * The highest level that record or ledgers know, in the newest generation of all: whoever lowered
 * one of them had not seen the others. A person lowers it again.
 */
async function keepKillLevels(tx: Sql, ledgers: readonly LedgerHead[]): Promise<void> {
  const scopes = new Set([EVERYTHING, ...ledgers.flatMap(({ kill }) => Object.keys(kill))])
  const known = await tx.query({ text: `SELECT FROM kill_levels WHERE scope = 'everything'` })
  for (const scope of [...scopes].toSorted()) {
    const has = await lockKill(tx, scope)
    const epochs = [has, ...ledgers.map(({ kill }) => kill[scope] ?? 0)]
    const epoch = raisedTo(Math.max(...epochs), Math.max(...epochs.map(killLevelOf)))
    const isMissing = scope === EVERYTHING && known.length === 0
    if (epoch === has && !isMissing) continue
    const reason = 'the record was restored: the highest level that record or ledgers know'
    await writeKill(tx, { scope, epoch, before: killLevelOf(has), reason, actor: ACTOR })
  }
}

/** Every server has to say hello to the new life first. */
async function closeAccounts(tx: Sql): Promise<void> {
  await tx.query({
    text: `UPDATE tool_accounts SET boot = NULL, ledger_id = NULL, state = 'closed',
      reason = 'the record was restored', version_id = new_version()`,
  })
  // Redis may remember more than this record: whatever it says, all that waits is rung again.
  await tx.query({ text: 'DELETE FROM stream_marker' })
}

/** Nobody of the old life works any more; its tasks are ready at once, or to be judged again. */
async function endLeases(tx: Sql, audit: AuditDraft): Promise<void> {
  await tx.query({
    text: `UPDATE goals SET lease_owner = NULL, lease_until = NULL, version_id = new_version()
      WHERE lease_owner IS NOT NULL`,
  })
  const tasks = await tx.query<{ id: string; tenant_id: string; was: string; phase: string }>({
    text: `SELECT id, tenant_id, phase AS was,
        CASE WHEN phase = 'running' THEN 'ready' ELSE 'judging' END AS phase
      FROM tasks WHERE phase IN ('running', 'granted', 'reconciling', 'awaiting_approval')
      ORDER BY id FOR UPDATE`,
  })
  const tenants = [...new Set(tasks.map((task) => task.tenant_id))]
  await tx.query({
    text: `UPDATE tasks t SET version_id = new_version(),
        status = CASE WHEN t.phase = 'running' THEN 'PENDING' ELSE 'REVIEW' END,
        phase = CASE WHEN t.phase = 'running' THEN 'ready' ELSE 'judging' END,
        ready_at = CASE WHEN t.phase = 'running' THEN now() ELSE t.ready_at END,
        lease_owner = NULL, lease_until = NULL, run_at = NULL, waiting_on = NULL,
        audit_id = a.audit_id
      FROM unnest($1::uuid[], $2::uuid[]) AS a(tenant_id, audit_id)
      WHERE t.phase IN ('running', 'granted', 'reconciling', 'awaiting_approval')
        AND a.tenant_id = t.tenant_id`,
    values: [tenants, tenants.map((tenant) => audit.idFor(tenant))],
  })
  const note = 'restore: looked at anew'
  for (const { id, tenant_id: tenantId, was, phase } of tasks)
    audit.add(tenantId, { subject: 'task', id, from: was, to: phase, note })
}

/** The ledgers have been imported: an older word of theirs must not settle what they say now. */
async function endQuestions(tx: Sql): Promise<void> {
  await tx.query({
    text: `UPDATE receipts SET judged_at = now(),
        verdict = 'ignored: the record was restored, and the ledger was imported'
      WHERE judged_at IS NULL`,
  })
  for (const table of ['effect_settlements', 'tool_adoptions']) {
    await tx.query({
      text: `UPDATE ${table} SET done_at = now(), refused = 'The record was restored; ask again.'
        WHERE done_at IS NULL`,
    })
  }
  await tx.query({
    text: `UPDATE effects SET void_jws = NULL, void_boot = NULL, version_id = new_version()
      WHERE state = 'GRANTED' AND void_jws IS NOT NULL`,
  })
}

/**
 * An approval of the old life is void, given or not: the person decided, or will decide, about a
 * record that is gone. The effect that waited for it is asked for again.
 */
async function voidApprovals(tx: Sql, audit: AuditDraft): Promise<void> {
  await tx.query({
    text: `UPDATE effects SET state = 'EXPIRED', version_id = new_version(), settled_at = now(),
        code = 'RECORD_BEHIND', detail = 'The record was restored: the approval is asked for again.'
      WHERE state IN ('PROPOSED', 'AWAITING_APPROVAL')`,
  })
  const open = await tx.query<{ id: string; tenant_id: string; state: string }>({
    text: `SELECT id, tenant_id, state FROM approvals
      WHERE state = 'REQUESTED' OR (state = 'APPROVED' AND withdrawn_at IS NULL)
      ORDER BY id FOR UPDATE`,
  })
  for (const { id, tenant_id: tenantId, state } of open) {
    const to = state === 'REQUESTED' ? 'CANCELLED' : 'WITHDRAWN'
    audit.add(tenantId, { subject: 'approval', id, from: state, to, note: ACTOR })
  }
  await tx.query({
    text: `UPDATE approvals a SET version_id = new_version(), audit_id = u.audit_id,
        state = CASE a.state WHEN 'REQUESTED' THEN 'CANCELLED' ELSE a.state END,
        decided_at = coalesce(a.decided_at, now()),
        withdrawn_at = CASE a.state WHEN 'APPROVED' THEN now() END,
        withdrawn_by = CASE a.state WHEN 'APPROVED' THEN $3 END
      FROM unnest($1::uuid[], $2::uuid[]) AS u(id, audit_id) WHERE a.id = u.id`,
    values: [open.map(({ id }) => id), open.map((row) => audit.idFor(row.tenant_id)), ACTOR],
  })
}
