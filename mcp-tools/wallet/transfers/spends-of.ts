import type { Refusal, Spend } from '@chimera/mcp-kit/provider/exchange'

import { parseTokenCall } from '../chain/erc20.ts'
import type { Transaction } from '../chain/transaction.ts'
import { unknownAsset } from '../limits/check-spends.ts'
import { nativeAsset, type Asset, type WalletLimits } from '../limits/wallet-limits.ts'
import type { Appraise } from './prices.ts'

/** From here on an allowance is one without end, whatever its exact figure. */
const UNLIMITED = 1n << 128n

/**
 * What a transaction can take from the account, read from the very bytes that will be signed and
 * not from what its maker meant: value, token call and gas, the last at the highest fee that a bump
 * may come to. An allowance counts in full, one without end is refused, and so is every call whose
 * cost the bytes do not tell. `self` is the wallet: what comes back to it is no spending.
 */
export function spendsOf(
  transaction: Transaction,
  given: Readonly<{
    limits: WalletLimits
    appraise: Appraise
    l1Fee: bigint
    self: string
  }>,
): readonly Spend[] | Refusal {
  const { limits, appraise } = given
  const moved = movementOf(transaction, limits)
  if ('code' in moved) return moved
  const { max_fee_per_gas_wei: cap } = limits
  const native = nativeAsset(limits)
  const highest = transaction.maxFeePerGas > cap ? transaction.maxFeePerGas : cap
  const gas = transaction.gas * highest + given.l1Fee
  const gasUsd = appraise(native, gas)
  if (typeof gasUsd !== 'bigint') return gasUsd
  const spentOnGas = { asset: native.asset, amount: gas, usdMicros: gasUsd }
  const { asset, amount, recipient } = moved
  if (amount === 0n && recipient === given.self) return [spentOnGas]
  const usdMicros = appraise(asset, amount)
  if (typeof usdMicros !== 'bigint') return usdMicros
  return [{ asset: asset.asset, amount, usdMicros, recipient }, spentOnGas]
}

type Movement = Readonly<{ asset: Asset; amount: bigint; recipient: string }>

function movementOf(transaction: Transaction, limits: WalletLimits): Movement | Refusal {
  const { to, value, data } = transaction
  if (data.length === 0) return { asset: nativeAsset(limits), amount: value, recipient: to }
  const asset = limits.assets.find(({ contract }) => contract === to)
  if (asset === undefined) return unknownAsset(to)
  const call = parseTokenCall(data)
  if (call === undefined || value !== 0n) {
    const detail = 'What this call would take cannot be read from it.'
    return { code: 'LIMIT_EXCEEDED', detail }
  }
  if (call.kind === 'approve' && call.amount >= UNLIMITED) {
    const detail = 'An allowance without end is never given.'
    return { code: 'LIMIT_EXCEEDED', detail }
  }
  return { asset, amount: call.amount, recipient: call.to }
}
