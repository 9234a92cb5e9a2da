import type { PolicyDecision, PolicyRequest } from '@chimera/contracts/policy/policy-request'

import type { Sql } from '../open-database.ts'

/** What the policy said of one round, with the figures that windows sum. */
export type DecisionRow = {
  readonly effectId: string
  readonly tenantId: string
  readonly version: number
  readonly decision: PolicyDecision
  readonly request: PolicyRequest
  readonly asset: string | null
  readonly amount: bigint | null
  readonly usdMicros: bigint | null
  readonly recipient: string | null
}

/**
 * Writes what was decided, in the transaction of the rounds. A round that is decided again (after
 * an approval or an edit) keeps the last decision.
 */
export async function writeDecisions(tx: Sql, rows: readonly DecisionRow[]): Promise<void> {
  if (rows.length === 0) return
  await tx.query({
    name: 'write-decisions',
    text: `INSERT INTO policy_decisions (effect_id, tenant_id, policy, version, decision, code,
        rules, request, asset, amount, usd_micros, recipient)
      SELECT effect_id, tenant_id, policy, version, decision, code,
        ARRAY(SELECT jsonb_array_elements_text(rules)), request, asset, amount, usd, recipient
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[], $5::text[], $6::text[],
        $7::jsonb[], $8::jsonb[], $9::text[], $10::numeric[], $11::numeric[], $12::text[])
        AS d(effect_id, tenant_id, policy, version, decision, code, rules, request, asset, amount,
          usd, recipient)
      ON CONFLICT (effect_id) DO UPDATE SET policy = excluded.policy, version = excluded.version,
        decision = excluded.decision, code = excluded.code, rules = excluded.rules,
        request = excluded.request, asset = excluded.asset, amount = excluded.amount,
        usd_micros = excluded.usd_micros, recipient = excluded.recipient, created_at = now()`,
    values: [
      rows.map((row) => row.effectId),
      rows.map((row) => row.tenantId),
      rows.map((row) => row.decision.policy ?? ''),
      rows.map((row) => row.version),
      rows.map((row) => row.decision.decision),
      rows.map((row) => row.decision.code),
      rows.map((row) => JSON.stringify(row.decision.rules)),
      rows.map((row) => JSON.stringify(row.request)),
      rows.map((row) => row.asset),
      rows.map((row) => row.amount?.toString() ?? null),
      rows.map((row) => row.usdMicros?.toString() ?? null),
      rows.map((row) => row.recipient),
    ],
  })
}
