import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look, Reconciler } from '@chimera/mcp-kit/protocol/reconcile'

import type { Network } from '../chain/networks.ts'
import { broadcastAgain } from './broadcast-again.ts'
import { foundOf } from './found-transaction.ts'
import { isStopped } from './is-stopped.ts'
import { isNonceTaken, lookAtChain } from './look-at-chain.ts'
import { newestTransaction, transactionFacts } from './transaction-facts.ts'
import type { WalletParts } from './wallet-parts.ts'

/** What is known of an entry beside the entry; the kit's own type. */
type Known = Parameters<Reconciler['look']>[1]

/**
 * When a nonce that another transaction has used proves that ours never will be mined: two looks,
 * so that a node that lags behind its own count cannot prove it.
 */
export function absenceOf({ isLive }: Network): Reconciler['absence'] {
  return { afterMs: 0, reads: 2, readsApartMs: isLive ? 30_000 : 300 }
}

/**
 * Settles a transfer by the chain: a receipt of one of its hashes, deep enough, is its end. A nonce
 * that is used, finally, and by none of them means that it never happens. Until then the very same
 * bytes are handed to the node again when it does not have them (design.md section 5 item 4).
 */
export async function lookAtTransfer(
  entry: Entry,
  known: Known,
  parts: WalletParts,
): Promise<Look> {
  const [facts, transaction] = [transactionFacts(entry), newestTransaction(entry)]
  if (facts === undefined || transaction === undefined) {
    return { kind: 'cannot', detail: 'The ledger that held the transaction of it was lost.' }
  }
  const { network, signer, rpc } = parts
  const from = await signer.address()
  const { signal } = known
  const seen = await lookAtChain({ rpc, network, from, hashes: facts.hashes, signal })
  if (seen.receipt !== undefined) {
    const missing = network.confirmations - Number(seen.height - seen.receipt.block + 1n)
    if (missing > 0) return { kind: 'not_yet', inMs: missing * network.blockMs }
    return foundOf({ receipt: seen.receipt, entry, parts })
  }
  if (seen.latest > facts.nonce) {
    const asked = { rpc, network, from, hashes: facts.hashes, signal }
    const isTaken = await isNonceTaken({ ...asked, nonce: facts.nonce, height: seen.height })
    return isTaken ? { kind: 'unseen' } : { kind: 'not_yet' }
  }
  // A stop lets nothing leave; what it stopped is looked at all the same.
  if (!isStopped(entry, parts.ledger)) {
    await broadcastAgain({ entry, facts, transaction, seen, note: known.note, parts })
  }
  return { kind: 'not_yet', inMs: network.blockMs }
}
