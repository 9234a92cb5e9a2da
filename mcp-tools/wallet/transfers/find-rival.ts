import { z } from 'zod'

import type { Address } from '../chain/address.ts'
import { HexQuantity, quantityOf } from '../chain/hex.ts'
import type { JsonRpc, RpcAnswer } from '../chain/json-rpc.ts'
import { parse, quantity } from '../chain/survey.ts'

/** The transaction that used a nonce, and the block that holds it. */
export type Rival = Readonly<{ hash: string; block: bigint }>

const Block = z.object({
  transactions: z.array(
    z.object({ hash: z.string(), from: z.string(), nonce: HexQuantity.or(z.int()) }),
  ),
})

/**
 * Which transaction has used the nonce of an account: the block is found by halving, for counts
 * only rise. That a count is above the nonce and no receipt of ours is there proves nothing, since
 * a node may be late with receipts; the transaction itself does. Undefined where the node no longer
 * knows the state of so old a block.
 */
export async function findRival(asked: {
  rpc: JsonRpc
  from: Address
  nonce: number
  /** Before it the nonce was free. */
  after: bigint
  height: bigint
  signal: AbortSignal
}): Promise<Rival | undefined> {
  const { rpc, from, nonce, after, height, signal } = asked
  const countAt = async (block: bigint): Promise<bigint | undefined> => {
    const params = [from, quantityOf(block)]
    const [answer] = await rpc.batch([{ method: 'eth_getTransactionCount', params }], signal)
    return isRefused(answer) ? undefined : quantity(answer)
  }
  let [free, used] = [after, height]
  while (used - free > 1n) {
    const middle = (free + used) / 2n
    const count = await countAt(middle)
    if (count === undefined) return undefined
    if (count > BigInt(nonce)) used = middle
    else free = middle
  }
  const block = { method: 'eth_getBlockByNumber', params: [quantityOf(used), true] }
  const [answer] = await rpc.batch([block], signal)
  if (isRefused(answer)) return undefined
  const { transactions } = parse(Block, answer)
  const found = transactions.find(
    (each) => each.from.toLowerCase() === from && BigInt(each.nonce) === BigInt(nonce),
  )
  return found === undefined ? undefined : { hash: found.hash, block: used }
}

const isRefused = (answer: RpcAnswer | undefined): boolean =>
  answer === undefined || 'fault' in answer
