import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Label } from '@chimera/contracts/judging/provenance'
import { NATIVE_ASSET } from '@chimera/contracts/money'
import type { PolicyRequest } from '@chimera/contracts/policy/policy-request'
import { estimateCost } from '@chimera/contracts/tools'

import { type Price, usdWorth } from '../budget/usd-worth.ts'
import { actionOf } from './actions.ts'
import { canonicalUnits } from './canonical-values.ts'

/** What of a proposed effect and its frame a policy looks at. */
export type EffectFrame = Readonly<{
  tenantId: string
  taskId: string
  goalId: string
  agentId: string
  campaignId: string | null
  mode: string
  persona: string | undefined
  /** Undefined: not looked at. */
  label: Label | undefined
  account: string
  nowMs: number
  priceOf: (asset: string) => Price | undefined
}>

/** Accounts of wallets are called after their chain. */
const WALLET_ACCOUNT = /^wallet-(.+)$/

/** The request that a proposed effect makes of the policy. */
export function effectRequest(effect: ProposedEffect, of: EffectFrame): PolicyRequest {
  const [, network] = WALLET_ACCOUNT.exec(of.account) ?? []
  return {
    tenant: of.tenantId,
    agent: of.agentId,
    ...(of.campaignId === null ? {} : { campaign: of.campaignId }),
    goal: of.goalId,
    task: of.taskId,
    account: of.account,
    tool: effect.tool,
    args: effect.args,
    mode: of.mode,
    ...(of.persona === undefined ? {} : { persona: of.persona }),
    ...(of.label === undefined ? {} : { label: of.label }),
    ...(network === undefined ? {} : { network }),
    ...factsOf(effect, of),
    time: new Date(of.nowMs).toISOString(),
  }
}

type Facts = Partial<Pick<PolicyRequest, 'amount' | 'usd' | 'recipient' | 'symbol'>>

/** Money and destination, by what the tool does. What is not there is left out, and denied. */
function factsOf({ tool, args }: ProposedEffect, of: EffectFrame): Facts {
  const { to, amount, asset, symbol } = args
  switch (actionOf(tool)) {
    case 'transfer':
      return {
        ...(typeof to === 'string' ? { recipient: to } : {}),
        ...(typeof amount === 'string'
          ? transferred(typeof asset === 'string' ? asset : NATIVE_ASSET, amount, of)
          : {}),
      }
    case 'order': {
      // Its own words say what it may cost: size times the worst price.
      const micros = estimateCost(tool, args)
      const priceAt = new Date(of.nowMs).toISOString()
      const usd = { value: dollars(micros), price_at: priceAt }
      return { ...(typeof symbol === 'string' ? { symbol } : {}), usd }
    }
    case 'order.close':
    case 'order.cancel':
      return typeof symbol === 'string' ? { symbol } : {}
    case 'transfer.unstick':
    case 'tweet.post':
    case 'tweet.reply':
    case 'tweet.delete':
    case 'upgrade':
    case 'read':
    case 'unknown':
      return {}
  }
}

function transferred(asset: string, base: string, of: EffectFrame): Facts {
  const units = canonicalUnits(base)
  const price = of.priceOf(asset)
  const amount = { asset, base }
  if (units === undefined || price === undefined) return { amount }
  const value = dollars(usdWorth(units, price))
  return { amount, usd: { value, price_at: new Date(price.takenAtMs).toISOString() } }
}

/** Micros as decimal text with all six digits. */
function dollars(micros: bigint): string {
  const digits = micros.toString().padStart(7, '0')
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`
}
