import type { Asset } from '../limits/wallet-limits.ts'
import type { Address } from './address.ts'
import { balanceCall } from './erc20.ts'
import { hexOf } from './hex.ts'
import type { JsonRpc, RpcCall } from './json-rpc.ts'
import type { Network } from './networks.ts'
import { checkChain, feedCall, quantity, readFeeds, word, type FeedAnswer } from './survey.ts'

/**
 * What an address holds of each asset, by its code. Throws RetryableError where the chain does not
 * say: unknown is not zero.
 */
export async function readBalances(
  { rpc, network }: Readonly<{ rpc: JsonRpc; network: Network }>,
  asked: Readonly<{ of: Address; assets: readonly Asset[]; feeds: readonly Address[] }>,
): Promise<{
  amounts: ReadonlyMap<string, bigint>
  feeds: ReadonlyMap<Address, FeedAnswer>
}> {
  const { of, assets, feeds } = asked
  const [chainId, ...answers] = await rpc.batch([
    { method: 'eth_chainId', params: [] },
    ...assets.map((asset) => balanceOf(asset, of)),
    ...feeds.map(feedCall),
  ])
  checkChain(quantity(chainId), network)
  const amounts = new Map<string, bigint>()
  for (const [at, asset] of assets.entries()) {
    const answer = answers[at]
    const held = asset.contract === undefined ? quantity(answer) : word(answer, 0)
    amounts.set(asset.asset, held)
  }
  return { amounts, feeds: readFeeds(feeds, answers.slice(assets.length)) }
}

function balanceOf({ contract }: Asset, of: Address): RpcCall {
  if (contract === undefined) return { method: 'eth_getBalance', params: [of, 'latest'] }
  const call = { to: contract, data: hexOf(balanceCall(of)) }
  return { method: 'eth_call', params: [call, 'latest'] }
}
