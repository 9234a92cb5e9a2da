import { ToolArguments, type EffectState } from '@chimera/contracts/effect'
import type { Mode } from '@chimera/contracts/goal'
import { ReceiptClaims } from '@chimera/contracts/grant'
import type { EffectView } from '@chimera/contracts/observable'

import { isoTime } from './iso-time.ts'

export type EffectRow = {
  id: string
  effect_key: string
  slot: string
  round: number
  task_id: string
  grant_id: string | null
  state: EffectState
  cancelling: boolean
  tool: string
  args: unknown
  args_hash: string
  account: string | null
  mode: Mode
  code: string | null
  detail: string | null
  granted_at: Date | null
  claimed_at: Date | null
  settled_at: Date | null
  provider_ref: string | null
  receipt: unknown
  approvals: string[]
}

export const EFFECT_COLUMNS = `id, effect_key, slot, round, task_id, grant_id, state, cancelling,
  tool, args, args_hash, account, mode, code, detail, granted_at, claimed_at, settled_at,
  provider_ref, receipt, CASE WHEN cardinality(approvals) > 0 THEN approvals
    ELSE ARRAY(SELECT a.id FROM approvals a WHERE a.effect_id = effects.id ORDER BY a.n)
  END AS approvals`

export const effectViewOf = (row: EffectRow): EffectView => ({
  id: row.id,
  effect_key: row.effect_key,
  slot: row.slot,
  round: row.round,
  task_id: row.task_id,
  grant_id: row.grant_id,
  state: row.state,
  cancelling: row.cancelling,
  tool: row.tool,
  args: ToolArguments.parse(row.args),
  args_hash: row.args_hash,
  account: row.account,
  mode: row.mode,
  approvals: row.approvals,
  code: row.code,
  detail: row.detail,
  granted_at: isoTime(row.granted_at),
  claimed_at: isoTime(row.claimed_at),
  settled_at: isoTime(row.settled_at),
  provider_ref: row.provider_ref,
  receipt: ReceiptClaims.nullable().parse(row.receipt),
})
