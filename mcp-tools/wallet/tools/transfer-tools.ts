import { TOOLS } from '@chimera/contracts/tools'
import type { PreparedRequest, Refusal } from '@chimera/mcp-kit/provider/exchange'
import {
  defineEffectTool,
  type EffectDraft,
  type ServedTool,
} from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import { parseAddress, ZERO_ADDRESS } from '../chain/address.ts'
import { checkSpends, unknownAsset } from '../limits/check-spends.ts'
import { nativeAsset, type WalletLimits } from '../limits/wallet-limits.ts'
import { classifyBroadcast } from '../transfers/classify-broadcast.ts'
import { prepareTransfer } from '../transfers/prepare-transfer.ts'
import { contentOf, type Transfer } from '../transfers/transfer.ts'
import type { WalletParts } from '../transfers/wallet-parts.ts'
import { transferFields, transferOf } from './transfer-fields.ts'

/** An address as the tools take it. */
export const to = z
  .string()
  .regex(/^0x[0-9a-fA-F]{40}$/, 'is no address: 0x and 40 hexadecimal digits')
  .describe('address of the recipient, which has to be on the list of the wallet')
/** Base units: a float never gets here. */
export const amount = z
  .string()
  .regex(/^[1-9][0-9]{0,77}$/, 'is no positive integer in base units')
  .describe('in base units as decimal digits: 1 ETH is 1000000000000000000, 1 USDC is 1000000')
export const asset = z
  .string()
  .regex(/^[A-Z][A-Z0-9]{1,11}$/, 'is no code of an asset')
  .describe('code of an asset that the limits of this wallet name, such as USDC')

/** Money that is gone does not come back; one slot or key pays once, however often called. */
export const ANNOTATIONS = {
  readOnlyHint: false,
  destructiveHint: true,
  idempotentHint: true,
  openWorldHint: true,
} as const

/** Pays in the chain's own asset. */
export function transferNative(parts: WalletParts): ServedTool {
  return defineEffectTool({
    name: 'transfer_native',
    title: 'Pay in the native asset',
    description:
      'Sends an amount of the asset of the chain itself (ETH) from this wallet to an address on ' +
      'its list. Simulated first; limits per transfer, hour, day and week hold, gas included. ' +
      'Same intent, same key: it pays once, also when called again.',
    scope: TOOLS.transfer_native.scope,
    annotations: ANNOTATIONS,
    input: { to, amount },
    output: transferFields,
    plan: (args) =>
      draft(
        parts,
        parseTransfer({ ...args, asset: nativeAsset(parts.limits).asset }, parts.limits),
      ),
    describe: (entry) => transferOf(entry, parts),
  })
}

/** Pays in a token. */
export function transferErc20(parts: WalletParts): ServedTool {
  return defineEffectTool({
    name: 'transfer_erc20',
    title: 'Pay in a token',
    description:
      'Sends an amount of a token (ERC-20) that the limits of this wallet name to an address on ' +
      'its list. Simulated first; limits per transfer, hour, day and week hold, gas included. ' +
      'Same intent, same key: it pays once, also when called again.',
    scope: TOOLS.transfer_erc20.scope,
    annotations: ANNOTATIONS,
    input: { asset, to, amount },
    output: transferFields,
    plan: (args) => {
      const transfer = parseTransfer(args, parts.limits)
      if ('code' in transfer || transfer.asset.contract !== undefined) return draft(parts, transfer)
      return { code: 'INPUT_INVALID', detail: `${args.asset} is paid by transfer_native.` }
    },
    describe: (entry) => transferOf(entry, parts),
  })
}

/** Arguments as a payment, or why they can be none. */
export function parseTransfer(
  args: Readonly<{ asset: string; to: string; amount: string }>,
  limits: WalletLimits,
): Transfer | Refusal {
  const found = limits.assets.find((each) => each.asset === args.asset)
  if (found === undefined) return unknownAsset(args.asset)
  const address = parseAddress(args.to)
  if (address === undefined) {
    return { code: 'INPUT_INVALID', detail: 'The checksum of the address is wrong (ERC-55).' }
  }
  if (address === ZERO_ADDRESS || address === found.contract) {
    const detail = 'What is sent to the zero address or to the token itself is lost.'
    return { code: 'RECIPIENT_NOT_ALLOWED', detail }
  }
  const units = BigInt(args.amount)
  if (units >= 1n << 256n) return { code: 'INPUT_INVALID', detail: 'It is beyond 256 bits.' }
  return { asset: found, to: address, amount: units }
}

function draft(parts: WalletParts, transfer: Transfer | Refusal): EffectDraft | Refusal {
  if ('code' in transfer) return transfer
  return {
    content: contentOf(transfer),
    spends: mostSpends(transfer, parts.limits),
    ...walletEffect(parts, () => prepareTransfer(transfer, parts)),
  }
}

/**
 * The most that a transfer can have taken, for one that a lost ledger had made and no receipt tells
 * of: its bytes would say less.
 */
function mostSpends({ asset: paid, to: recipient, amount: units }: Transfer, limits: WalletLimits) {
  const gas = BigInt(limits.max_gas) * limits.max_fee_per_gas_wei
  const usdMicros = limits.usd_micros.per_transfer
  return [
    { asset: paid.asset, amount: units, usdMicros, recipient },
    { asset: nativeAsset(limits).asset, amount: gas, usdMicros: 0n },
  ]
}

/** What every effect of a wallet has in common: its limits, its one send, its way to an end. */
export function walletEffect(
  parts: WalletParts,
  prepare: () => Promise<PreparedRequest | Refusal>,
): Omit<EffectDraft, 'content'> {
  let hash: string | undefined
  return {
    // What it moves is money of the wallet, which its own limits count; nobody else is paid.
    costUsdMicros: 0n,
    deadlineMs: parts.sendTimeoutMs,
    followMs: parts.followMs,
    prepare: async () => {
      const prepared = await prepare()
      if (!('code' in prepared)) hash = prepared.facts?.['hashes']
      return prepared
    },
    checkLimits: () => undefined,
    checkWindow: (window, { spends = [] }) => checkSpends(spends, parts.limits, window),
    classify: (response) => classifyBroadcast(response, hash),
  }
}
