import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Facts } from '@chimera/mcp-kit/provider/exchange'
import { sendOnce } from '@chimera/mcp-kit/provider/send-once'

import { hexOf } from '../chain/hex.ts'
import {
  assemble,
  signingHash,
  type SignedTransaction,
  type Transaction,
} from '../chain/transaction.ts'
import { broadcastRequest } from './broadcast-request.ts'
import { raiseFees } from './fees.ts'
import { isStopped } from './is-stopped.ts'
import type { Seen } from './look-at-chain.ts'
import type { TransactionFacts } from './transaction-facts.ts'
import type { WalletParts } from './wallet-parts.ts'

/** A transaction that the market has passed by is offered more this often, in blocks. */
const BUMP_AFTER_BLOCKS = 15
/** Every hash of a transfer is asked for at each look. */
const MAX_HASHES = 12

/**
 * Hands the transaction to the node again when it has lost it, byte for byte; when the chain has
 * become dearer than what it offers, a replacement with the same nonce, recipient, value and data
 * and nothing but higher fees, which is in the ledger before it leaves. Two of one nonce can never
 * both be mined.
 */
export async function broadcastAgain(given: {
  entry: Entry
  facts: TransactionFacts
  transaction: Transaction & SignedTransaction
  seen: Seen
  note: (facts: Facts) => void
  parts: WalletParts
}): Promise<void> {
  const { entry, transaction, seen, parts } = given
  const replacement = await replace(given)
  if (replacement === undefined && seen.isHeld) return
  const request = broadcastRequest(parts.rpcUrl, (replacement ?? transaction).raw)
  // What the node says to it is not believed: the next look shows what came of it.
  await sendOnce({
    request,
    deadlineMs: parts.sendTimeoutMs,
    maySend: () =>
      isStopped(entry, parts.ledger)
        ? { code: 'FENCED', detail: 'A stop came before it was sent again.' }
        : undefined,
  })
}

async function replace(given: Parameters<typeof broadcastAgain>[0]) {
  const { entry, facts, transaction, seen, parts } = given
  const isPassedBy = seen.baseFee + transaction.maxPriorityFeePerGas > transaction.maxFeePerGas
  // One that waits for a lower nonce is not helped by more.
  if (!isPassedBy || seen.latest !== facts.nonce) return undefined
  const nowMs = parts.ledger.now()
  const sinceMs = facts.bumped_at ?? entry.claimedMs ?? nowMs
  if (nowMs - sinceMs < BUMP_AFTER_BLOCKS * parts.network.blockMs) return undefined
  if (facts.hashes.length >= MAX_HASHES) return undefined
  // Only whoever signed it can sign its replacement.
  if ((await parts.signer.address()) !== facts.from) return undefined
  const fees = raiseFees(transaction, seen, parts.limits.max_fee_per_gas_wei)
  if ('code' in fees) return undefined
  const { raw: _raw, hash: _hash, ...same } = transaction
  const dearer = { ...same, ...fees }
  const replacement = assemble(dearer, await parts.signer.sign(signingHash(dearer)))
  given.note({
    raw: hexOf(replacement.raw),
    hashes: [...facts.hashes, replacement.hash].join(' '),
    bumped_at: String(nowMs),
  })
  return replacement
}
