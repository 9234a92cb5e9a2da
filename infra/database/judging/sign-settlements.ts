import type { EffectState } from '@chimera/contracts/effect'

import { MAY_STILL } from '../approvals/may-still.ts'
import type { Sql } from '../open-database.ts'

/** A person's word on an effect, with what the record knows of it. */
export type LoadedSettlement = {
  id: string
  outcome: 'happened' | 'did_not_happen'
  providerRef: string | null
  reason: string
  actor: string
  requestedMs: number
  /** Who says the same and may approve now, each once, without whoever asked for the effect. */
  people: number
  effect: {
    state: EffectState
    tool: string
    grantId: string | null
    effectKey: string
    round: number
    argsHash: string
  }
  /** The boot that would be asked; nothing while the account is closed. */
  account: { account: string; boot: string; ledgerId: string } | undefined
}

/** The person behind a token `k`, as `personOf` has it. */
const PERSON = `coalesce('user:' || k.user_id, 'token:' || k.id)`

/** Reads settlements that are open and not signed for the account's current boot. */
export async function loadSettlements(
  sql: Sql,
  ids: readonly string[],
): Promise<LoadedSettlement[]> {
  const rows = await sql.query<{
    id: string
    outcome: 'happened' | 'did_not_happen'
    provider_ref: string | null
    reason: string
    actor: string
    requested_at: Date
    people: number
    state: EffectState
    tool: string
    grant_id: string | null
    effect_key: string
    round: number
    args_hash: string
    account: string | null
    boot: string | null
    ledger_id: string | null
  }>({
    name: 'load-settlements',
    text: `SELECT s.id, s.outcome, s.provider_ref, s.reason, s.actor, s.requested_at, e.state,
        e.tool, e.grant_id, e.effect_key, e.round, e.args_hash, a.account, a.boot, a.ledger_id,
        (SELECT count(DISTINCT ${PERSON})::int FROM effect_settlements o
          JOIN api_tokens k ON o.actor = 'token:' || k.id AND k.tenant_id = e.tenant_id
          WHERE o.effect_id = s.effect_id AND o.done_at IS NULL AND o.outcome = s.outcome
            AND o.provider_ref IS NOT DISTINCT FROM s.provider_ref
            AND ${PERSON} IS DISTINCT FROM g.requested_by AND ${MAY_STILL}) AS people
      FROM effect_settlements s
      JOIN effects e ON e.id = s.effect_id
      JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
      LEFT JOIN tool_accounts a ON a.account = e.account
      WHERE s.id = ANY($1::uuid[]) AND s.done_at IS NULL
        AND (s.jws IS NULL OR s.boot IS DISTINCT FROM a.boot)`,
    values: [ids],
  })
  return rows.map((row) => ({
    id: row.id,
    outcome: row.outcome,
    providerRef: row.provider_ref,
    reason: row.reason,
    actor: row.actor,
    requestedMs: row.requested_at.getTime(),
    people: row.people,
    effect: {
      state: row.state,
      tool: row.tool,
      grantId: row.grant_id,
      effectKey: row.effect_key,
      round: row.round,
      argsHash: row.args_hash,
    },
    account:
      row.account === null || row.boot === null || row.ledger_id === null
        ? undefined
        : { account: row.account, boot: row.boot, ledgerId: row.ledger_id },
  }))
}

/** Writes the signed words, and the refusals of what the rules forbid. */
export async function writeSettlements(
  sql: Sql,
  settlements: readonly {
    id: string
    signed: { jws: string; boot: string } | null
    refused: string | null
  }[],
): Promise<void> {
  if (settlements.length === 0) return
  await sql.query({
    name: 'write-settlements',
    text: `UPDATE effect_settlements s SET jws = u.jws, boot = u.boot, refused = u.refused,
        done_at = CASE WHEN u.refused IS NOT NULL THEN now() END
      FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS u(id, jws, boot, refused)
      WHERE s.id = u.id AND s.done_at IS NULL`,
    values: [
      settlements.map(({ id }) => id),
      settlements.map(({ signed }) => signed?.jws ?? null),
      settlements.map(({ signed }) => signed?.boot ?? null),
      settlements.map(({ refused }) => refused),
    ],
  })
}
