import type { AccountWindow } from '@chimera/mcp-kit/protocol/effect-tool'
import type { Refusal, Spend } from '@chimera/mcp-kit/provider/exchange'

import { ZERO_ADDRESS } from '../chain/address.ts'
import type { WalletLimits } from './wallet-limits.ts'

/** The windows that slide, as the limits name them. */
export const WINDOWS = [
  { name: 'per_hour', ms: 3_600_000, words: 'an hour' },
  { name: 'per_day', ms: 86_400_000, words: '24 hours' },
  { name: 'per_week', ms: 604_800_000, words: '7 days' },
] as const

type Window = Pick<AccountWindow, 'nowMs' | 'spent' | 'firstSentTo'>

/**
 * Whether the account may spend this now, gas included (requirements C27, X27). Asked in the very
 * transaction that claims, so that whatever races, no sum passes its cap; a cap can be reached.
 */
export function checkSpends(
  spends: readonly Spend[],
  limits: WalletLimits,
  window: Window,
): Refusal | undefined {
  return (
    checkRecipients(spends, limits, window) ??
    checkAssets(spends, limits, window) ??
    checkTotals(spends, limits, window)
  )
}

function checkRecipients(
  spends: readonly Spend[],
  limits: WalletLimits,
  { nowMs, firstSentTo }: Window,
): Refusal | undefined {
  for (const { recipient } of spends) {
    if (recipient === undefined) continue
    const allowed = limits.recipients.find(({ address }) => address === recipient)
    if (allowed === undefined || recipient === ZERO_ADDRESS) {
      const detail = `${recipient} is not on the list of recipients.`
      return { code: 'RECIPIENT_NOT_ALLOWED', detail }
    }
    const waitMs = allowed.added_at + limits.new_recipient_delay_ms - nowMs
    if (waitMs > 0 && firstSentTo(recipient) === undefined) {
      const detail = `${recipient} is new; it can be paid later.`
      return { code: 'COOLDOWN_ACTIVE', detail, retryAfterMs: waitMs }
    }
  }
  return undefined
}

function checkAssets(
  spends: readonly Spend[],
  limits: WalletLimits,
  window: Window,
): Refusal | undefined {
  for (const asset of new Set(spends.map((spend) => spend.asset))) {
    const caps = limits.assets.find((each) => each.asset === asset)?.caps
    if (caps === undefined) return unknownAsset(asset)
    const amount = sum(spends.filter((spend) => spend.asset === asset).map((each) => each.amount))
    if (amount > caps.per_transfer) {
      return exceeded(`${amount} base units of ${asset} in one transfer`, caps.per_transfer)
    }
    for (const { name, ms, words } of WINDOWS) {
      const total = window.spent({ asset, ms }).amount + amount
      if (total > caps[name]) {
        return exceeded(`${total} base units of ${asset} in ${words}`, caps[name])
      }
    }
  }
  return undefined
}

/** All assets together: dollars and how many. */
function checkTotals(
  spends: readonly Spend[],
  { usd_micros: caps, count }: WalletLimits,
  window: Window,
): Refusal | undefined {
  const usdMicros = sum(spends.map((spend) => spend.usdMicros))
  if (usdMicros > caps.per_transfer) {
    return exceeded(`${usdMicros} USD micros in one transfer`, caps.per_transfer)
  }
  for (const { name, ms, words } of WINDOWS) {
    const spent = window.spent({ ms })
    const dollars = spent.usdMicros + usdMicros
    if (dollars > caps[name]) return exceeded(`${dollars} USD micros in ${words}`, caps[name])
    const transactions = spent.count + 1
    if (transactions > count[name]) {
      return exceeded(`${transactions} transactions in ${words}`, count[name])
    }
  }
  return undefined
}

/** The refusal of what the limits do not name. */
export function unknownAsset(asset: string): Refusal {
  return { code: 'ASSET_UNKNOWN', detail: `The limits of this wallet name no asset ${asset}.` }
}

function exceeded(what: string, cap: bigint | number): Refusal {
  return { code: 'LIMIT_EXCEEDED', detail: `That would be ${what}; the limit is ${cap}.` }
}

const sum = (amounts: readonly bigint[]): bigint => amounts.reduce((all, each) => all + each, 0n)
