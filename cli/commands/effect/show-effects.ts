import { EffectView } from '@chimera/contracts/observable'
import { SettlementView } from '@chimera/infra/database/settlements/settlement'

import type { CliContext } from '../../context.ts'
import { openGatewayClient } from '../../gateway-client.ts'
import { readPages } from '../../read-pages.ts'
import { renderFields } from '../../terminal-table.ts'
import { printableJson } from '../../terminal-text.ts'
import { renderEffects } from '../goal/render-goal.ts'

export type ListOptions = Readonly<{
  goal?: string
  state?: string
  limit: number
  json?: boolean
}>

/** Effects, newest first. */
export async function listEffects(options: ListOptions, context: CliContext): Promise<void> {
  const client = await openGatewayClient(context)
  const effects = await readPages({
    client,
    path: '/v1/effects',
    field: 'effects',
    query: { goal: options.goal, state: options.state },
    limit: options.limit,
    parse: (item) => EffectView.parse(item),
  })
  if (options.json === true) return context.out(printableJson(effects))
  for (const line of renderEffects(effects)) context.out(line)
}

/** An effect, with what a person said of it last. */
export const EffectDetail = EffectView.extend({ settlement: SettlementView.optional() })

function wordsOf(settlement: SettlementView): string {
  const { actor, outcome, provider_ref: reference, reason, state, refused } = settlement
  const said = `${outcome}${reference === null ? '' : ` ${reference}`}: ${reason}`
  return `${actor}, ${state}${refused === null ? '' : ` (${refused})`}: ${said}`
}

/** One effect with its receipt. */
export async function showEffect(
  id: string,
  options: { json?: boolean },
  context: CliContext,
): Promise<void> {
  const client = await openGatewayClient(context)
  const effect = EffectDetail.parse(await client.get(`/v1/effects/${encodeURIComponent(id)}`))
  if (options.json === true) return context.out(printableJson(effect))
  const { receipt, settlement } = effect
  const lines = renderFields({
    effect: effect.id,
    key: effect.effect_key,
    slot: `${effect.slot}, round ${effect.round}`,
    state: effect.cancelling ? `${effect.state} (cancelling)` : effect.state,
    why: effect.code,
    detail: effect.detail,
    task: effect.task_id,
    tool: effect.tool,
    account: effect.account,
    mode: effect.mode,
    arguments: JSON.stringify(effect.args),
    'hash of them': effect.args_hash,
    grant: effect.grant_id,
    granted: effect.granted_at,
    claimed: effect.claimed_at,
    settled: effect.settled_at,
    reference: effect.provider_ref,
    receipt: receipt === null ? null : `${receipt.state}, ledger seq ${receipt.seq}`,
    simulated: receipt === null ? null : String(receipt.simulated),
    'settled by': settlement === undefined ? null : wordsOf(settlement),
  })
  for (const line of lines) context.out(line)
}
