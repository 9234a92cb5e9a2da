import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look } from '@chimera/mcp-kit/protocol/reconcile'
import type { Spend } from '@chimera/mcp-kit/provider/exchange'

import { nativeAsset } from '../limits/wallet-limits.ts'
import type { Receipt } from './look-at-chain.ts'
import type { WalletParts } from './wallet-parts.ts'

/**
 * The end of a transfer that is in a block: its gas as it really was, and its amount unless it was
 * reverted (design.md section 6: CONFIRMED, gas settled, amount released).
 */
export function foundOf(given: { receipt: Receipt; entry: Entry; parts: WalletParts }): Look {
  const { receipt, entry, parts } = given
  const { hash, block, isReverted, gasUsed, feeWei } = receipt
  const { explorer } = parts.network
  const facts = {
    block: String(block),
    gas_used: String(gasUsed),
    fee_wei: String(feeWei),
    result: isReverted ? 'reverted' : 'done',
  }
  const spends = actualSpends(parts.ledger.entries.spendsOf(entry.grantId), {
    native: nativeAsset(parts.limits).asset,
    feeWei,
    isReverted,
  })
  return {
    kind: 'found',
    providerRef: hash,
    facts,
    spends,
    ...(explorer === undefined ? {} : { url: `${explorer}${hash}` }),
    // What it cost beside the money that it moved: its gas, by the price of the claim.
    costUsdMicros: sumOf(spends.filter(({ recipient }) => recipient === undefined)),
    ...(isReverted ? REVERTED : {}),
  }
}

const REVERTED = {
  code: 'REVERTED',
  detail: 'It was mined and reverted: only its gas was spent.',
} as const

const sumOf = (spends: readonly Spend[]): bigint =>
  spends.reduce((sum, { usdMicros }) => sum + usdMicros, 0n)

/** The price of the claim stays: what a limit has counted does not change with the market. */
export function actualSpends(
  claimed: readonly Spend[],
  actual: Readonly<{ native: string; feeWei: bigint; isReverted: boolean }>,
): Spend[] {
  return claimed.flatMap((spend): Spend[] => {
    if (spend.recipient !== undefined) return actual.isReverted ? [] : [spend]
    const { amount, usdMicros } = spend
    const { feeWei } = actual
    const worth = amount === 0n ? 0n : (usdMicros * feeWei + amount - 1n) / amount
    return [{ asset: actual.native, amount: feeWei, usdMicros: worth }]
  })
}
