import { ConflictError } from '@chimera/contracts/errors'
import type { Mode } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** One round of a slot as it is written: GRANTED with its grant, waiting for people, or ended. */
export type RoundRow = {
  effectId: string
  /** The version of the row that waited for people; null for a round that has no row yet. */
  existing: string | null
  tenantId: string
  goalId: string
  taskId: string
  attempt: number
  slot: string
  round: number
  effectKey: string
  state: 'GRANTED' | 'AWAITING_APPROVAL' | 'DENIED' | 'EXPIRED'
  tool: string
  account: string | null
  mode: Mode
  args: unknown
  argsHash: string
  provenance: unknown
  code: string | null
  detail: string | null
  costUsdMicros: bigint
  /** What the grant rests on. */
  approvals: readonly { id: string; versionId: string }[]
  grant: {
    id: string
    jws: string
    boot: string
    /** Seconds since 1970. */
    expiresAt: number
  } | null
}

const COLUMNS = `id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key, version_id,
  state, tool, account, mode, args, args_hash, provenance, code, detail, cost, grant_id, grant_jws,
  expires_at, boot, audit_id, approvals, was`

/** A column of arrays is no array of arrays: unnest would take it apart. */
const ROUNDS = `(SELECT r.*,
    ARRAY(SELECT jsonb_array_elements_text(r.rests_on))::uuid[] AS approvals
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::int[],
    $8::text[], $9::uuid[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[],
    $15::text[], $16::jsonb[], $17::text[], $18::text[], $19::numeric[], $20::uuid[],
    $21::text[], $22::float8[], $23::uuid[], $24::uuid[], $25::jsonb[], $26::uuid[])
    AS r(id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key, version_id, state, tool,
      account, mode, args, args_hash, provenance, code, detail, cost, grant_id, grant_jws,
      expires_at, boot, audit_id, rests_on, was))`

/**
 * Writes rounds inside the caller's transaction: new rows, and those that waited for people by
 * compare-and-set. The unique indexes refuse a second open round of a slot and a second row of a
 * round: the statement then fails with 23505 and the caller judges again. Throws ConflictError when
 * a row that waited has moved.
 */
export async function insertRounds(
  tx: Sql,
  rounds: readonly RoundRow[],
  audit: AuditDraft,
): Promise<void> {
  const fresh = rounds.filter(({ existing }) => existing === null)
  const waited = rounds.filter(({ existing }) => existing !== null)
  if (fresh.length > 0) {
    await tx.query({
      name: 'insert-rounds',
      text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
          version_id, state, tool, account, mode, args, args_hash, provenance, code, detail,
          cost_usd_micros, grant_id, grant_jws, granted_at, grant_expires_at, boot, settled_at,
          audit_id, approvals)
        SELECT id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key, version_id, state,
          tool, account, mode, args, args_hash, provenance, code, detail, cost, grant_id,
          grant_jws, CASE WHEN grant_id IS NOT NULL THEN now() END, to_timestamp(expires_at), boot,
          CASE WHEN state IN ('DENIED', 'EXPIRED') THEN now() END, audit_id, approvals
        FROM (SELECT ${COLUMNS} FROM ${ROUNDS} AS r) AS r`,
      values: valuesOf(fresh, audit),
    })
  }
  if (waited.length > 0) await moveWaited(tx, waited, audit)
  for (const row of rounds) {
    const item = {
      subject: 'effect' as const,
      id: row.effectId,
      attempt: row.round,
      from: row.existing === null ? 'PROPOSED' : 'AWAITING_APPROVAL',
      to: row.state,
      input: row.argsHash,
      ...(row.code === null ? {} : { note: row.code }),
    }
    audit.add(row.tenantId, item, row.goalId)
  }
}

/** Rounds that people were asked about, or have edited. */
async function moveWaited(tx: Sql, rounds: readonly RoundRow[], audit: AuditDraft): Promise<void> {
  const moved = await tx.query({
    name: 'move-waited-rounds',
    text: `UPDATE effects e SET version_id = r.version_id, state = r.state, account = r.account,
        args = r.args, args_hash = r.args_hash, provenance = r.provenance, code = r.code,
        detail = r.detail, cost_usd_micros = r.cost, grant_id = r.grant_id,
        grant_jws = r.grant_jws, granted_at = CASE WHEN r.grant_id IS NOT NULL THEN now() END,
        grant_expires_at = to_timestamp(r.expires_at), boot = r.boot,
        settled_at = CASE WHEN r.state IN ('DENIED', 'EXPIRED') THEN now() END,
        audit_id = r.audit_id, approvals = r.approvals
      FROM (SELECT ${COLUMNS} FROM ${ROUNDS} AS r) AS r
      WHERE e.id = r.id AND e.version_id = r.was AND e.effect_key = r.effect_key
      RETURNING e.id`,
    values: valuesOf(rounds, audit),
  })
  if (moved.length < rounds.length) {
    throw new ConflictError('VERSION_CONFLICT', 'A round that waited for people has moved.')
  }
}

function valuesOf(rounds: readonly RoundRow[], audit: AuditDraft): unknown[] {
  return [
    rounds.map((row) => row.effectId),
    rounds.map((row) => row.tenantId),
    rounds.map((row) => row.goalId),
    rounds.map((row) => row.taskId),
    rounds.map((row) => row.attempt),
    rounds.map((row) => row.slot),
    rounds.map((row) => row.round),
    rounds.map((row) => row.effectKey),
    rounds.map(() => newId()),
    rounds.map((row) => row.state),
    rounds.map((row) => row.tool),
    rounds.map((row) => row.account),
    rounds.map((row) => row.mode),
    rounds.map((row) => JSON.stringify(row.args)),
    rounds.map((row) => row.argsHash),
    rounds.map((row) => JSON.stringify(row.provenance)),
    rounds.map((row) => row.code),
    rounds.map((row) => row.detail),
    rounds.map((row) => row.costUsdMicros.toString()),
    rounds.map((row) => row.grant?.id ?? null),
    rounds.map((row) => row.grant?.jws ?? null),
    rounds.map((row) => row.grant?.expiresAt ?? null),
    rounds.map((row) => row.grant?.boot ?? null),
    rounds.map((row) => audit.idFor(row.tenantId)),
    rounds.map((row) => JSON.stringify(row.approvals.map(({ id }) => id))),
    rounds.map((row) => row.existing),
  ]
}
