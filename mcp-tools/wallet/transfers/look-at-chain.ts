import { z } from 'zod'

import type { Address } from '../chain/address.ts'
import { HexQuantity } from '../chain/hex.ts'
import type { JsonRpc, RpcCall } from '../chain/json-rpc.ts'
import type { Network } from '../chain/networks.ts'
import { checkChain, parse, quantity } from '../chain/survey.ts'

const Hash = z.string().regex(/^0x[0-9a-f]{64}$/)

const Receipt = z
  .object({
    transactionHash: Hash,
    blockNumber: HexQuantity,
    status: HexQuantity,
    gasUsed: HexQuantity,
    effectiveGasPrice: HexQuantity,
    /** What the layer below cost (OP stack). */
    l1Fee: HexQuantity.nullish(),
  })
  .transform((receipt) => ({
    hash: receipt.transactionHash,
    block: receipt.blockNumber,
    isReverted: receipt.status === 0n,
    gasUsed: receipt.gasUsed,
    feeWei: receipt.gasUsed * receipt.effectiveGasPrice + (receipt.l1Fee ?? 0n),
  }))
export type Receipt = Readonly<z.infer<typeof Receipt>>

const Block = z.object({ baseFeePerGas: HexQuantity })

/** What the chain says of one transfer. */
export type Seen = Readonly<{
  height: bigint
  /** Transactions of the account that are in blocks. */
  latest: number
  /** Of whichever of its hashes is in a block. */
  receipt: Receipt | undefined
  /** Whether the node holds the newest of its hashes, waiting or mined. */
  isHeld: boolean
  baseFee: bigint
  tip: bigint
}>

type Asked = Readonly<{
  rpc: JsonRpc
  network: Network
  from: Address
  hashes: readonly string[]
  signal: AbortSignal
}>

/** One look. Throws RetryableError when the node does not answer all of it. */
export async function lookAtChain(asked: Asked): Promise<Seen> {
  const { rpc, network, from, hashes } = asked
  const [chainId, height, latest, block, tip, newest, ...receipts] = await rpc.batch(
    [
      { method: 'eth_chainId', params: [] },
      { method: 'eth_blockNumber', params: [] },
      { method: 'eth_getTransactionCount', params: [from, 'latest'] },
      { method: 'eth_getBlockByNumber', params: ['latest', false] },
      { method: 'eth_maxPriorityFeePerGas', params: [] },
      { method: 'eth_getTransactionByHash', params: [hashes.at(-1)] },
      ...receiptCalls(hashes),
    ],
    asked.signal,
  )
  checkChain(quantity(chainId), network)
  const found = receipts.map((answer) => parse(Receipt.nullable(), answer))
  return {
    height: quantity(height),
    latest: Number(quantity(latest)),
    receipt: found.find((receipt) => receipt !== null) ?? undefined,
    isHeld: parse(z.unknown(), newest) !== null,
    baseFee: parse(Block, block).baseFeePerGas,
    tip: quantity(tip),
  }
}

function receiptCalls(hashes: readonly string[]): RpcCall[] {
  return hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] }))
}
