import { TOOLS } from '@chimera/contracts/tools'
import type { Entry } from '@chimera/mcp-kit/ledger/entry'
import type { PreparedRequest, Refusal } from '@chimera/mcp-kit/provider/exchange'
import { defineEffectTool, type ServedTool } from '@chimera/mcp-kit/serving/define-tool'
import { z } from 'zod'

import type { Address } from '../chain/address.ts'
import { surveyChain } from '../chain/survey.ts'
import type { Transaction } from '../chain/transaction.ts'
import { nativeAsset } from '../limits/wallet-limits.ts'
import { feedsOf } from '../transfers/feeds-of.ts'
import { raiseFees } from '../transfers/fees.ts'
import { signed } from '../transfers/prepare-transfer.ts'
import { appraiser } from '../transfers/prices.ts'
import { spendsOf } from '../transfers/spends-of.ts'
import { newestTransaction, transactionFacts } from '../transfers/transaction-facts.ts'
import type { WalletParts } from '../transfers/wallet-parts.ts'
import { transferFields, transferOf } from './transfer-fields.ts'
import { ANNOTATIONS, walletEffect } from './transfer-tools.ts'

/** What a payment of nothing to an account uses. */
const PLAIN_GAS = 21_000n

/**
 * Frees the queue behind a transfer that no block takes: a payment of nothing to oneself at its
 * nonce, for more. Either of the two is mined and never both; the ledger finds out which.
 */
export function unstickTransfer(parts: WalletParts): ServedTool {
  return defineEffectTool({
    name: 'unstick_transfer',
    title: 'Free the queue behind a stuck transfer',
    description:
      'Puts a payment of nothing, to this wallet itself, in the place of a transfer that waits ' +
      'for its block, and offers more for it. Whichever is mined, the other never happens, and ' +
      'transfers behind it go on.',
    scope: TOOLS.unstick_transfer.scope,
    annotations: ANNOTATIONS,
    input: {
      transfer_id: z.uuid().describe('id of the transfer that is stuck, from list_transfers'),
    },
    output: transferFields,
    plan: (args) => ({
      content: JSON.stringify(['unstick', args.transfer_id]),
      ...walletEffect(parts, async () => prepareUnstick(args, parts)),
    }),
    describe: (entry) => transferOf(entry, parts),
  })
}

async function prepareUnstick(
  asked: Readonly<{ transfer_id: string }>,
  parts: WalletParts,
): Promise<PreparedRequest | Refusal> {
  const { limits, network, signer, ledger } = parts
  const found = findStuck(ledger.entries.byGrant(asked.transfer_id))
  if ('code' in found) return found
  const { transaction: stuck, from } = found
  const self = await signer.address()
  if (from !== self) {
    return { code: 'TARGET_UNKNOWN', detail: 'Another key of this wallet has signed it.' }
  }
  const call = { to: self, value: 0n, data: Buffer.alloc(0) }
  const feeds = feedsOf([nativeAsset(limits)])
  const survey = await surveyChain(parts, { from: self, call, feeds })
  if (survey.nonce.latest > stuck.nonce) {
    return { code: 'UPSTREAM_REJECTED', detail: `Nonce ${stuck.nonce} is used: nothing is stuck.` }
  }
  const fees = raiseFees(stuck, survey, limits.max_fee_per_gas_wei)
  if ('code' in fees) return fees
  const { nonce } = stuck
  const transaction = { chainId: network.chainId, nonce, gas: PLAIN_GAS, ...fees, ...call }
  const appraise = appraiser({ feeds: survey.feeds, nowMs: ledger.wall() })
  const spends = spendsOf(transaction, { limits, appraise, l1Fee: survey.l1Fee, self })
  if ('code' in spends) return spends
  return { ...(await signed(transaction, survey, parts)), spends }
}

type Stuck = Readonly<{ transaction: Transaction; from: Address }>

/** What waits under this id; its replacement needs no other name, for its nonce never changes. */
function findStuck(entry: Entry | undefined): Stuck | Refusal {
  const detail = 'No transfer of this id waits for its block.'
  if (entry?.state !== 'UNKNOWN') return { code: 'TARGET_UNKNOWN', detail }
  const [facts, transaction] = [transactionFacts(entry), newestTransaction(entry)]
  if (facts === undefined || transaction === undefined) return { code: 'TARGET_UNKNOWN', detail }
  return { transaction, from: facts.from }
}
