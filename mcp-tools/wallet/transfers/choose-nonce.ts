/**
 * The lowest nonce that is free: not in a block, not held by a transfer of the ledger that has been
 * or may be sent, and not by what waits in the node. So what was claimed and never sent leaves no
 * hole for longer than until the next transfer, and no two transfers ever hold the same one.
 */
export function chooseNonce(known: {
  /** Transactions of the account in blocks, and with those that wait in the node. */
  latest: number
  pending: number
  /** Held by transfers that may still be mined. */
  held: ReadonlySet<number>
  /** Of what the ledger knows to be mined: a node that lags does not. */
  highestMined: number | undefined
}): number {
  const { latest, pending, held, highestMined = -1 } = known
  // Below `pending` and not of the ledger: a transaction of somebody else with the same key, or one
  // that the node said it would not take.
  let nonce = Math.max(latest, highestMined + 1)
  while (held.has(nonce) || nonce < pending) nonce += 1
  return nonce
}
