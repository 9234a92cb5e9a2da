import type { PreparedRequest, Refusal } from '@chimera/mcp-kit/provider/exchange'

import { surveyChain, type Survey } from '../chain/survey.ts'
import { assemble, signingHash, type Transaction } from '../chain/transaction.ts'
import { nativeAsset } from '../limits/wallet-limits.ts'
import { broadcastRequest } from './broadcast-request.ts'
import { feedsOf } from './feeds-of.ts'
import { chooseFees } from './fees.ts'
import { freeNonce } from './held-nonces.ts'
import { appraiser } from './prices.ts'
import { spendsOf } from './spends-of.ts'
import { callOf, type Transfer } from './transfer.ts'
import type { WalletParts } from './wallet-parts.ts'

/** A node says what a transaction uses in the last block; a fifth more is offered. */
const GAS_MARGIN = { numerator: 6n, denominator: 5n } as const

/**
 * Makes the signed bytes of a transfer: asks the chain, simulates, chooses fees and nonce, counts
 * what the bytes can take, signs. Changes nothing anywhere.
 */
export async function prepareTransfer(
  transfer: Transfer,
  parts: WalletParts,
): Promise<PreparedRequest | Refusal> {
  const drafted = await draftTransfer(transfer, parts)
  if ('code' in drafted) return drafted
  const { transaction, spends, survey } = drafted
  return { ...(await signed(transaction, survey, parts)), spends }
}

/** Signs, and says what is stored before anything is sent. */
export async function signed(
  transaction: Transaction,
  { height }: Pick<Survey, 'height'>,
  { signer, rpcUrl }: Pick<WalletParts, 'signer' | 'rpcUrl'>,
): Promise<PreparedRequest> {
  const { raw, hash } = assemble(transaction, await signer.sign(signingHash(transaction)))
  const { nonce, chainId } = transaction
  const from = await signer.address()
  const named = { from, nonce: String(nonce), hashes: hash, chain_id: String(chainId) }
  const facts = { ...named, after_block: String(height) }
  return { ...broadcastRequest(rpcUrl, raw), facts }
}

/** A transfer that could be signed now. */
export type Draft = Readonly<{
  transaction: Transaction
  spends: NonNullable<PreparedRequest['spends']>
  survey: Survey
}>

/** The same without a signature: what a simulation shows. */
export async function draftTransfer(
  transfer: Transfer,
  parts: WalletParts,
): Promise<Draft | Refusal> {
  const { limits, network, signer, ledger } = parts
  const from = await signer.address()
  const call = callOf(transfer)
  const token = transfer.asset.contract
  const survey = await surveyChain(parts, {
    from,
    call,
    ...(token === undefined ? {} : { token }),
    feeds: feedsOf([transfer.asset, nativeAsset(limits)]),
  })
  const gas = gasOf(survey, limits.max_gas)
  if (typeof gas !== 'bigint') return gas
  const fees = chooseFees(survey, limits.max_fee_per_gas_wei)
  if ('code' in fees) return fees
  const nonce = freeNonce(ledger, from, survey.nonce)
  const transaction = { chainId: network.chainId, nonce, gas, ...fees, ...call }
  const short = shortOf(transfer, transaction, survey)
  if (short !== undefined) return short
  const appraise = appraiser({ feeds: survey.feeds, nowMs: ledger.wall() })
  const spends = spendsOf(transaction, { limits, appraise, l1Fee: survey.l1Fee, self: from })
  if ('code' in spends) return spends
  return { transaction, spends, survey }
}

/** What is offered, or why the transaction would not go through. */
function gasOf({ gas }: Survey, most: number): bigint | Refusal {
  if (typeof gas !== 'bigint') {
    const isShort = /insufficient|exceeds balance/i.test(gas.message)
    const detail = `The simulation failed: ${gas.message}`
    return { code: isShort ? 'INSUFFICIENT_FUNDS' : 'UPSTREAM_REJECTED', detail }
  }
  const offered = (gas * GAS_MARGIN.numerator) / GAS_MARGIN.denominator
  if (offered <= BigInt(most)) return offered
  const detail = `It would need ${offered} gas; the limit is ${most}.`
  return { code: 'LIMIT_EXCEEDED', detail }
}

function shortOf(
  { asset, amount }: Transfer,
  { gas, maxFeePerGas, value }: Transaction,
  { balance, tokenBalance, l1Fee }: Survey,
): Refusal | undefined {
  const needed = value + gas * maxFeePerGas + l1Fee
  if (balance < needed) {
    const detail = `The wallet holds ${balance} wei; with its gas this needs ${needed}.`
    return { code: 'INSUFFICIENT_FUNDS', detail }
  }
  if (tokenBalance === undefined || tokenBalance >= amount) return undefined
  const detail = `The wallet holds ${tokenBalance} base units of ${asset.asset}, not ${amount}.`
  return { code: 'INSUFFICIENT_FUNDS', detail }
}
