import { canonicalHash } from '@chimera/contracts/canonical'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'

/** What a test says of an effect; the rest is as it would be. */
export type EffectInState = Readonly<{
  state: 'GRANTED' | 'CONFIRMED' | 'UNKNOWN' | 'NEEDS_HUMAN'
  tool: string
  slot: string
  account: string
  kind: string
  type: string
  tenantId?: string
  agentId?: string
  args?: Readonly<Record<string, unknown>>
  providerRef?: string | null
  requestedBy?: string
}>

/** Writes an effect in the given state with its goal, slot and task; answers its id. */
export async function insertEffect(
  { transaction }: Pick<Database, 'transaction'>,
  of: EffectInState,
): Promise<string> {
  const [id, taskId, goalId] = [newId(), newId(), `g-${newId()}`]
  const { args = {}, agentId = 'default', requestedBy = null, providerRef = null } = of
  const { tenantId = DEFAULT_TENANT } = of
  const isGranted = of.state === 'GRANTED'
  await transaction(async (tx) => {
    await tx.query({
      text: `INSERT INTO goals (tenant_id, id, version_id, status, mode, agent_id, source, trust,
          content, content_hash, audit_id, tasks_total, tasks_open, requested_by)
        VALUES ($1, $2, gen_random_uuid(), 'ACTIVE', 'paper', $3, 'http', 'owner', '{}', 'hash',
          gen_random_uuid(), 1, 1, $4)`,
      values: [tenantId, goalId, agentId, requestedBy],
    })
    await tx.query({
      text: 'INSERT INTO slots (tenant_id, goal_id, slot, tool) VALUES ($1, $2, $3, $4)',
      values: [tenantId, goalId, of.slot, of.tool],
    })
    await tx.query({
      text: `INSERT INTO tasks (id, tenant_id, goal_id, version_id, type, kind, status, phase,
          audit_id)
        VALUES ($1, $2, $3, gen_random_uuid(), $4, $5, 'REVIEW', $6, gen_random_uuid())`,
      values: [taskId, tenantId, goalId, of.type, of.kind, isGranted ? 'granted' : 'reconciling'],
    })
    await tx.query({
      text: `INSERT INTO effects (id, tenant_id, goal_id, task_id, attempt, slot, round, effect_key,
          version_id, state, tool, account, mode, args, args_hash, provenance, grant_id, grant_jws,
          granted_at, grant_expires_at, boot, audit_id, provider_ref, receipt_state)
        VALUES ($1, $2, $3, $4, 1, $5, 1, $6, gen_random_uuid(), $7, $8, $9, 'paper', $10, $11,
          '{}', gen_random_uuid(), 'jws', now(), now(), gen_random_uuid(), gen_random_uuid(), $12,
          $13)`,
      values: [
        id,
        tenantId,
        goalId,
        taskId,
        of.slot,
        canonicalHash({ goalId, slot: of.slot }),
        of.state,
        of.tool,
        of.account,
        JSON.stringify(args),
        canonicalHash(args),
        providerRef,
        isGranted ? null : of.state,
      ],
    })
  })
  return id
}
