import { canonicalHash } from '@chimera/contracts/canonical'
import { effectKey } from '@chimera/contracts/effect'
import type { Mode } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'
import { AttemptOutcome } from '@chimera/contracts/task-result'
import { estimateCost } from '@chimera/contracts/tools'

import { appendAudit, draftAudit, type AuditDraft } from '../append-audit.ts'
import type { Database, Sql } from '../open-database.ts'

/** A round that only a person can settle, as it has to stand in the account's ledger, too. */
export type HeldRound = {
  readonly effectId: string
  readonly effectKey: string
  readonly round: number
  readonly grantId: string
  readonly argsHash: string
  readonly args: Record<string, unknown>
  readonly account: string
  readonly tool: string
  readonly mode: Mode
  readonly scope: {
    readonly tenant: string
    readonly agent: string
    readonly campaign?: string
    readonly goal: string
    readonly task: string
    readonly slot: string
  }
}

const ACTOR = 'restore'
const CODE = 'RECORD_BEHIND'
const DETAIL =
  'Record and ledger were both restored: what happened after the backup is known to the provider ' +
  'alone. Look there, then settle it.'

type SlotRow = {
  tenant_id: string
  goal_id: string
  slot: string
  tool: string
  account: string
  mode: Mode
  agent_id: string
  campaign_id: string | null
  /** The round that holds the slot, if one does. */
  open_id: string | null
  top: number
}

/**
 * Record and ledger of these accounts were both rolled back (rule `bothlost` of the model): every
 * slot that is not CONFIRMED is NEEDS_HUMAN, also one that had no effect yet, because it may have
 * been granted and done after the backup. A goal that had ended by then, with no round open, could
 * not be granted anything more: its slots stay as they were. Goals that were not planned yet end: a
 * plan made anew could repeat what the lost one did.
 */
export async function holdSlots(of: {
  database: Database
  accounts: readonly string[]
}): Promise<{ held: HeldRound[]; goalsEnded: string[] }> {
  if (of.accounts.length === 0) return { held: [], goalsEnded: [] }
  return of.database.transaction(async (tx) => {
    await tx.query({ text: `SET LOCAL chimera.restoring = 'on'` })
    const audit = draftAudit()
    const goalsEnded = await endUnplanned(tx, audit)
    const held: HeldRound[] = []
    for (const slot of await readSlots(tx, of.accounts)) {
      const round = await (slot.open_id === null ? insertHeld : moveHeld)(tx, slot, audit)
      if (round !== undefined) held.push(round)
    }
    await appendAudit(tx, audit, ACTOR)
    return { held, goalsEnded }
  })
}

function readSlots(tx: Sql, accounts: readonly string[]): Promise<SlotRow[]> {
  return tx.query<SlotRow>({
    text: `WITH placed AS (
        SELECT s.tenant_id, s.goal_id, s.slot, s.tool, g.mode, g.agent_id, g.campaign_id, g.status,
          coalesce(
            (SELECT e.account FROM effects e WHERE e.tenant_id = s.tenant_id
              AND e.goal_id = s.goal_id AND e.slot = s.slot AND e.account IS NOT NULL
              ORDER BY e.round DESC LIMIT 1),
            (SELECT b.account FROM tool_bindings b WHERE b.tenant_id = s.tenant_id
              AND b.tool = s.tool AND b.agent_id IN (g.agent_id, '*')
              ORDER BY b.agent_id = '*' LIMIT 1)) AS account
        FROM slots s JOIN goals g ON g.tenant_id = s.tenant_id AND g.id = s.goal_id
      )
      SELECT p.*, o.id AS open_id, coalesce(m.top, 0) AS top
      FROM placed p
      LEFT JOIN LATERAL (SELECT e.id FROM effects e WHERE e.tenant_id = p.tenant_id
        AND e.goal_id = p.goal_id AND e.slot = p.slot
        AND e.state IN ('PROPOSED', 'AWAITING_APPROVAL', 'GRANTED', 'UNKNOWN', 'NEEDS_HUMAN')
        LIMIT 1) AS o ON true
      LEFT JOIN LATERAL (SELECT max(e.round) AS top FROM effects e
        WHERE e.tenant_id = p.tenant_id AND e.goal_id = p.goal_id AND e.slot = p.slot) AS m ON true
      WHERE p.account = ANY ($1)
        AND (o.id IS NOT NULL OR p.status IN ('PLANNED', 'ACTIVE', 'PAUSED'))
        AND NOT EXISTS (SELECT FROM effects e WHERE e.tenant_id = p.tenant_id
          AND e.goal_id = p.goal_id AND e.slot = p.slot AND e.state = 'CONFIRMED')
      ORDER BY p.tenant_id, p.goal_id, p.slot`,
    values: [accounts],
  })
}

/**
 * Its grant was never signed: it names the round, so that a person's word can be bound to it.
 */
async function insertHeld(
  tx: Sql,
  slot: SlotRow,
  audit: AuditDraft,
): Promise<HeldRound | undefined> {
  const proposal = await findProposal(tx, slot)
  if (proposal === undefined) return undefined
  const { tenant_id: tenant, goal_id: goal, tool, account, mode } = slot
  const key = effectKey({ tenant, account, goal, slot: slot.slot, tool, mode })
  const { args } = proposal
  const held: HeldRound = {
    effectId: newId(),
    effectKey: key,
    round: slot.top + 1,
    grantId: newId(),
    argsHash: canonicalHash(args),
    args,
    account,
    tool,
    mode,
    scope: scopeOf(slot, proposal.taskId),
  }
  await tx.query({
    name: 'restore-hold-slot',
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, code, detail, grant_id,
        granted_at, grant_expires_at, boot, audit_id, cost_usd_micros)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'NEEDS_HUMAN', $10, $11, $12, $13, $14, '{}', $15,
        $16, $17, now(), now(), (SELECT b.boot FROM tool_boots b WHERE b.account = $11
          ORDER BY b.registered_at DESC, b.boot DESC LIMIT 1), $18, $19::numeric)`,
    values: [
      held.effectId,
      tenant,
      goal,
      proposal.taskId,
      proposal.attempt,
      slot.slot,
      held.round,
      key,
      newId(),
      tool,
      account,
      mode,
      JSON.stringify(args),
      held.argsHash,
      CODE,
      DETAIL,
      held.grantId,
      audit.idFor(tenant),
      // It may have happened: until a person has spoken its price is held back.
      String(mode === 'dry' ? 0n : estimateCost(tool, args)),
    ],
  })
  noteHeld(audit, tenant, { id: held.effectId, round: held.round, from: null })
  return held
}

async function moveHeld(tx: Sql, slot: SlotRow, audit: AuditDraft): Promise<HeldRound | undefined> {
  const [row] = await tx.query<{
    id: string
    effect_key: string
    round: number
    grant_id: string
    args: Record<string, unknown>
    args_hash: string
    task_id: string
    was: string
  }>({
    name: 'restore-hold-round',
    text: `UPDATE effects e SET state = 'NEEDS_HUMAN', version_id = new_version(), code = $2,
        detail = $3, cancelling = false, void_jws = NULL, settled_at = NULL,
        grant_id = coalesce(e.grant_id, $4), account = coalesce(e.account, $5),
        granted_at = coalesce(e.granted_at, now()), audit_id = $6
      FROM (SELECT id, state FROM effects WHERE id = $1) AS o
      WHERE e.id = o.id
      RETURNING e.id, e.effect_key, e.round, e.grant_id, e.args, e.args_hash, e.task_id,
        o.state AS was`,
    values: [slot.open_id, CODE, DETAIL, newId(), slot.account, audit.idFor(slot.tenant_id)],
  })
  if (row === undefined) return undefined
  noteHeld(audit, slot.tenant_id, { id: row.id, round: row.round, from: row.was })
  return {
    effectId: row.id,
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    args: row.args,
    account: slot.account,
    tool: slot.tool,
    mode: slot.mode,
    scope: scopeOf(slot, row.task_id),
  }
}

const scopeOf = (slot: SlotRow, task: string): HeldRound['scope'] => ({
  tenant: slot.tenant_id,
  agent: slot.agent_id,
  ...(slot.campaign_id === null ? {} : { campaign: slot.campaign_id }),
  goal: slot.goal_id,
  task,
  slot: slot.slot,
})

function noteHeld(
  audit: AuditDraft,
  tenantId: string,
  of: { id: string; round: number; from: string | null },
): void {
  audit.add(tenantId, {
    subject: 'effect',
    id: of.id,
    attempt: of.round,
    from: of.from,
    to: 'NEEDS_HUMAN',
    note: 'restore: record and ledger both rolled back',
  })
}

/** What the slot's task proposed last, if it has; else any task of the goal that may come to it. */
async function findProposal(
  tx: Sql,
  slot: SlotRow,
): Promise<{ taskId: string; attempt: number; args: Record<string, unknown> } | undefined> {
  const rows = await tx.query<{ id: string; attempt: number; outcome: unknown }>({
    name: 'restore-proposals',
    text: `SELECT t.id, t.attempt, r.outcome FROM tasks t
      LEFT JOIN task_results r ON r.task_id = t.id AND r.attempt = t.attempt
      WHERE t.tenant_id = $1 AND t.goal_id = $2
      ORDER BY t.status IN ('COMPLETED', 'FAILED'), t.planned_at DESC, t.id DESC`,
    values: [slot.tenant_id, slot.goal_id],
  })
  for (const row of rows) {
    const outcome = AttemptOutcome.safeParse(row.outcome)
    if (!outcome.success || outcome.data.outcome !== 'result') continue
    const proposed = outcome.data.result.proposed_effects.find((one) => one.slot === slot.slot)
    if (proposed !== undefined) return { taskId: row.id, attempt: row.attempt, args: proposed.args }
  }
  const [first] = rows
  return first === undefined ? undefined : { taskId: first.id, attempt: first.attempt, args: {} }
}

async function endUnplanned(tx: Sql, audit: AuditDraft): Promise<string[]> {
  const failure = {
    code: CODE,
    message:
      'Record and ledger were both restored, and this goal may have been done after the backup. ' +
      'Look at the provider; post it again under another id if it was not.',
  }
  const waiting = await tx.query<{ tenant_id: string; id: string }>({
    text: `SELECT tenant_id, id FROM goals WHERE 'RECEIVED' IN (status, paused_from)
      ORDER BY tenant_id, id`,
  })
  for (const { tenant_id: tenantId, id } of waiting) {
    await tx.query({
      name: 'restore-end-goal',
      text: `UPDATE goals SET status = 'FAILED', paused_from = NULL, failure = $3,
          waiting_on = NULL, finished_at = now(), lease_owner = NULL, lease_until = NULL,
          version_id = new_version(), audit_id = $4 WHERE tenant_id = $1 AND id = $2`,
      values: [tenantId, id, JSON.stringify(failure), audit.idFor(tenantId)],
    })
    audit.add(tenantId, { subject: 'goal', id, from: 'RECEIVED', to: 'FAILED', note: CODE })
  }
  return waiting.map(({ id }) => id)
}
