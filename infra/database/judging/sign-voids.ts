import type { Mode } from '@chimera/contracts/goal'
import { newId } from '@chimera/contracts/ids'

import type { Sql } from '../open-database.ts'

/** An effect whose grant is to end, with what the question to the ledger has to name. */
export type LoadedVoid = {
  effectId: string
  versionId: string
  tenantId: string
  agentId: string
  campaignId: string | null
  goalId: string
  taskId: string
  slot: string
  tool: string
  mode: Mode
  effectKey: string
  round: number
  argsHash: string
  grantId: string
  grantedBoot: string
  grantedAtSeconds: number
  voidReason: string
  account: string
  boot: string
  ledgerId: string
}

/**
 * Reads effects that are GRANTED and `cancelling`, whose account has a boot that has not been
 * asked yet. By effect ids, or all of a goal.
 */
export async function loadVoids(
  sql: Sql,
  of: { effectIds: readonly string[]; goals: readonly { tenantId: string; goalId: string }[] },
): Promise<LoadedVoid[]> {
  const rows = await sql.query<{
    id: string
    version_id: string
    tenant_id: string
    agent_id: string
    campaign_id: string | null
    goal_id: string
    task_id: string
    slot: string
    tool: string
    mode: Mode
    effect_key: string
    round: number
    args_hash: string
    grant_id: string
    granted_boot: string
    granted_at: string
    void_reason: string
    account: string
    boot: string
    ledger_id: string
  }>({
    name: 'load-voids',
    text: `SELECT e.id, e.version_id, e.tenant_id, g.agent_id, g.campaign_id, e.goal_id, e.task_id,
        e.slot, e.tool, e.mode, e.effect_key, e.round, e.args_hash, e.grant_id,
        e.boot AS granted_boot, floor(extract(epoch FROM e.granted_at))::bigint AS granted_at,
        coalesce(e.void_reason, 'expired') AS void_reason, a.account, a.boot, a.ledger_id
      FROM effects e
      JOIN goals g ON g.tenant_id = e.tenant_id AND g.id = e.goal_id
      JOIN tool_accounts a ON a.account = e.account
      WHERE e.state = 'GRANTED' AND e.cancelling AND a.boot IS NOT NULL
        AND (e.void_jws IS NULL OR e.void_boot IS DISTINCT FROM a.boot)
        AND (e.id = ANY($1::uuid[]) OR (e.tenant_id, e.goal_id) IN
          (SELECT * FROM unnest($2::uuid[], $3::text[])))
      ORDER BY e.id`,
    values: [of.effectIds, of.goals.map((g) => g.tenantId), of.goals.map((g) => g.goalId)],
  })
  return rows.map((row) => ({
    effectId: row.id,
    versionId: row.version_id,
    tenantId: row.tenant_id,
    agentId: row.agent_id,
    campaignId: row.campaign_id,
    goalId: row.goal_id,
    taskId: row.task_id,
    slot: row.slot,
    tool: row.tool,
    mode: row.mode,
    effectKey: row.effect_key,
    round: row.round,
    argsHash: row.args_hash,
    grantId: row.grant_id,
    grantedBoot: row.granted_boot,
    grantedAtSeconds: Number(row.granted_at),
    voidReason: row.void_reason,
    account: row.account,
    boot: row.boot,
    ledgerId: row.ledger_id,
  }))
}

/**
 * Writes the signed questions; the Keeper carries them. A row that moved in between is left
 * alone.
 */
export async function writeVoids(
  tx: Sql,
  voids: readonly { effectId: string; versionId: string; jws: string; boot: string }[],
): Promise<void> {
  if (voids.length === 0) return
  await tx.query({
    name: 'write-voids',
    text: `UPDATE effects e SET void_jws = u.jws, void_boot = u.boot, version_id = u.fresh
      FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[])
        AS u(id, version_id, jws, boot, fresh)
      WHERE e.id = u.id AND e.version_id = u.version_id AND e.state = 'GRANTED'`,
    values: [
      voids.map((row) => row.effectId),
      voids.map((row) => row.versionId),
      voids.map((row) => row.jws),
      voids.map((row) => row.boot),
      voids.map(() => newId()),
    ],
  })
}
