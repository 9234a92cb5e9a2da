import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import { z } from 'zod'

import { nativeAsset } from '../limits/wallet-limits.ts'
import { newestTransaction, transactionFacts } from '../transfers/transaction-facts.ts'
import type { WalletParts } from '../transfers/wallet-parts.ts'

/** What is said of one transfer, whichever tool says it. */
export const transferFields = {
  transfer_id: z.string().describe('its name in this wallet, for get_transfer'),
  tool: z.string().describe('which tool made it'),
  asset: z.string().describe('code of the asset'),
  to: z.string().describe('address of the recipient'),
  amount: z.string().describe('in base units, decimal digits'),
  network: z.string().describe('the chain'),
  simulated: z.boolean().describe('true when nothing reached a real chain'),
  tx_hash: z.string().describe('hash of the transaction that was mined, or else of the newest'),
  url: z.string().describe('where people can look it up'),
  nonce: z.int().describe('its number among the transactions of the wallet'),
  result: z
    .enum(['done', 'reverted'])
    .describe('once it is in a block; reverted: nothing but its gas was spent'),
  block: z.string().describe('number of the block that holds it'),
  fee: z.string().describe('gas that was paid, in base units of the native asset'),
  fee_asset: z.string().describe('the native asset'),
  max_fee: z.string().describe('gas that is reserved until its end is known'),
}
const Fields = z.object(transferFields)
export type TransferFields = Partial<z.infer<typeof Fields>>

const Args = z.object({
  asset: z.string().optional(),
  to: z.string().optional(),
  amount: z.string().optional(),
})
const Result = z.enum(['done', 'reverted'])

/** Reads it all from the ledger. */
export function transferOf(
  entry: Entry,
  { network, limits, ledger }: Pick<WalletParts, 'network' | 'limits' | 'ledger'>,
): TransferFields {
  const native = nativeAsset(limits).asset
  const { asset, to, amount } = Args.parse(JSON.parse(entry.args ?? '{}'))
  const facts = transactionFacts(entry)
  const newest = newestTransaction(entry)
  const { block, fee_wei: fee } = entry.facts
  const result = Result.safeParse(entry.facts['result']).data
  const hash = entry.providerRef ?? newest?.hash
  const reserved = ledger.entries
    .spendsOf(entry.grantId)
    .find((spend) => spend.recipient === undefined)?.amount
  return {
    transfer_id: entry.grantId,
    tool: entry.tool,
    network: network.name,
    simulated: entry.isSimulated,
    ...(amount === undefined ? {} : { asset: asset ?? native, amount }),
    ...(to === undefined ? {} : { to }),
    ...(hash === undefined ? {} : { tx_hash: hash }),
    ...(entry.url === undefined ? {} : { url: entry.url }),
    ...(facts === undefined ? {} : { nonce: facts.nonce }),
    ...(result === undefined ? {} : { result }),
    ...(block === undefined ? {} : { block }),
    ...(fee === undefined ? {} : { fee, fee_asset: native }),
    ...(fee !== undefined || reserved === undefined ? {} : { max_fee: String(reserved) }),
  }
}
