import type { Mode } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'

import type { AuditDraft } from '../append-audit.ts'
import type { Sql } from '../open-database.ts'

/** One round of a slot as it is written: GRANTED with its grant, or DENIED. */
export type RoundRow = {
  effectId: string
  tenantId: string
  goalId: string
  taskId: string
  attempt: number
  slot: string
  round: number
  effectKey: string
  state: 'GRANTED' | 'DENIED'
  tool: string
  account: string | null
  mode: Mode
  args: unknown
  argsHash: string
  provenance: unknown
  code: string | null
  detail: string | null
  costUsdMicros: bigint
  grant: {
    id: string
    jws: string
    boot: string
    /** Seconds since 1970. */
    expiresAt: number
  } | null
}

/**
 * Inserts rounds inside the caller's transaction. The unique indexes refuse a second open round
 * of a slot and a second row of a round: the statement then fails with 23505 and the caller
 * judges again.
 */
export async function insertRounds(
  tx: Sql,
  rounds: readonly RoundRow[],
  audit: AuditDraft,
): Promise<void> {
  if (rounds.length === 0) return
  await tx.query({
    name: 'insert-rounds',
    text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
        version_id, state, tool, account, mode, args, args_hash, provenance, code, detail,
        cost_usd_micros, grant_id, grant_jws, granted_at, grant_expires_at, boot, settled_at,
        audit_id)
      SELECT id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key, version_id, state,
        tool, account, mode, args, args_hash, provenance, code, detail, cost, grant_id, grant_jws,
        CASE WHEN grant_id IS NOT NULL THEN now() END, to_timestamp(expires_at), boot,
        CASE WHEN grant_id IS NULL THEN now() END, audit_id
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::int[], $6::text[], $7::int[],
        $8::text[], $9::uuid[], $10::text[], $11::text[], $12::text[], $13::text[], $14::jsonb[],
        $15::text[], $16::jsonb[], $17::text[], $18::text[], $19::numeric[], $20::uuid[],
        $21::text[], $22::float8[], $23::uuid[], $24::uuid[])
        AS r(id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key, version_id, state,
          tool, account, mode, args, args_hash, provenance, code, detail, cost, grant_id, grant_jws,
          expires_at, boot, audit_id)`,
    values: [
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
    ],
  })
  for (const row of rounds) {
    audit.add(row.tenantId, {
      subject: 'effect',
      id: row.effectId,
      attempt: row.round,
      from: 'PROPOSED',
      to: row.state,
      input: row.argsHash,
      ...(row.code === null ? {} : { note: row.code }),
    })
  }
}
