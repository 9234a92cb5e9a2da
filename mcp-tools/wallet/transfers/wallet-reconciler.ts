import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { Look, Reconciler } from '@chimera/mcp-kit/protocol/reconcile'

import type { Address } from '../chain/address.ts'
import type { Network } from '../chain/networks.ts'
import { broadcastAgain } from './broadcast-again.ts'
import { findRival } from './find-rival.ts'
import { foundOf } from './found-transaction.ts'
import { isStopped } from './is-stopped.ts'
import { lookAtChain, type Seen } from './look-at-chain.ts'
import { newestTransaction, transactionFacts, type TransactionFacts } from './transaction-facts.ts'
import type { WalletParts } from './wallet-parts.ts'

/** What is known of an entry beside the entry; the kit's own type. */
type Known = Parameters<Reconciler['look']>[1]

/**
 * Absence is never a matter of time here: a transaction can be mined for as long as its nonce is
 * free. These bound only when a person is asked where the node cannot tell.
 */
export function absenceOf({ isLive }: Network): Reconciler['absence'] {
  return { afterMs: isLive ? 600_000 : 5_000, reads: 2, readsApartMs: isLive ? 15_000 : 300 }
}

/**
 * Settles a transfer by the chain: a receipt of one of its hashes, deep enough, is its end. Another
 * transaction that used its nonce, as deep, means that it never happens. Until then the very same
 * bytes are handed to the node again when it does not have them (design.md section 5 item 4).
 */
export async function lookAtTransfer(
  entry: Entry,
  known: Known,
  parts: WalletParts,
): Promise<Look> {
  const [facts, transaction] = [transactionFacts(entry), newestTransaction(entry)]
  if (facts === undefined) {
    return { kind: 'cannot', detail: 'The ledger that held the transaction of it was lost.' }
  }
  const { network, rpc } = parts
  const { chainId = facts.chain_id ?? network.chainId } = transaction ?? {}
  if (chainId !== network.chainId) {
    return { kind: 'cannot', detail: `It was made for chain ${chainId}.` }
  }
  const { from } = facts
  const { signal } = known
  const seen = await lookAtChain({ rpc, network, from, hashes: facts.hashes, signal })
  if (seen.receipt !== undefined) {
    const missing = network.confirmations - Number(seen.height - seen.receipt.block + 1n)
    if (missing > 0) return { kind: 'not_yet', inMs: missing * network.blockMs }
    return foundOf({ receipt: seen.receipt, entry, parts })
  }
  if (seen.latest > facts.nonce) return lookAtRival({ facts, seen, from, signal, parts })
  if (transaction === undefined) return lookAtLost(facts, seen, network)
  // A stop lets nothing leave; what it stopped is looked at all the same. And whoever was to be put
  // out of the way does not fight for its place.
  if (!isStopped(entry, parts.ledger) && !isOvertaken(entry, facts, known.rivals())) {
    await broadcastAgain({ entry, facts, transaction, seen, note: known.note, parts })
  }
  return { kind: 'not_yet', inMs: network.blockMs }
}

/**
 * Its bytes are lost with the ledger, its hash is not: what the node still holds may be mined, and
 * what it does not hold can be handed to it by nobody here, nor ruled out while the nonce is free.
 */
function lookAtLost({ nonce }: TransactionFacts, seen: Seen, network: Network): Look {
  if (seen.isHeld) return { kind: 'not_yet', inMs: network.blockMs }
  const detail = `Its transaction was lost with the ledger, and its nonce ${nonce} is still free.`
  return { kind: 'cannot', detail }
}

/** Whether a later effect of the wallet has been put in the place of this one. */
function isOvertaken(
  { claimedMs = 0 }: Entry,
  { nonce, from }: TransactionFacts,
  rivals: readonly Entry[],
): boolean {
  return rivals.some((rival) => {
    const facts = transactionFacts(rival)
    return facts?.nonce === nonce && facts.from === from && (rival.claimedMs ?? 0) > claimedMs
  })
}

/** The nonce is used. By whom decides: what is ours will show its receipt. */
async function lookAtRival(given: {
  facts: TransactionFacts
  seen: Seen
  from: Address
  signal: AbortSignal
  parts: WalletParts
}): Promise<Look> {
  const { facts, seen, parts, from, signal } = given
  const { rpc, network } = parts
  const { nonce, after_block: after } = facts
  const rival = await findRival({ rpc, from, nonce, after, height: seen.height, signal })
  if (rival === undefined) {
    const detail = `Nonce ${nonce} is used, and the node does not know any more by what.`
    return { kind: 'cannot', detail }
  }
  if (facts.hashes.includes(rival.hash)) return { kind: 'not_yet', inMs: network.blockMs }
  const missing = network.confirmations - Number(seen.height - rival.block + 1n)
  if (missing > 0) return { kind: 'not_yet', inMs: missing * network.blockMs }
  return { kind: 'absent', detail: `Its nonce ${nonce} was used by ${rival.hash}.` }
}
