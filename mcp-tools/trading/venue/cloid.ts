import { createHash } from 'node:crypto'

/**
 * The client order id of one round of one slot: 16 bytes that anyone can derive from the record,
 * without a ledger, and ask the exchange for. Another round is another order.
 */
export function cloidOf({ effectKey, round }: { effectKey: string; round: number }): string {
  const digest = createHash('sha256')
    .update(`chimera/cloid/1\n${effectKey}\n${round}`)
    .digest('hex')
  return `0x${digest.slice(0, 32)}`
}
