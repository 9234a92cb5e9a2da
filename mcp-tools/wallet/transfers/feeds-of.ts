import type { Address } from '../chain/address.ts'
import type { Asset } from '../limits/wallet-limits.ts'

/** The price feeds that these assets have, each once. */
export function feedsOf(assets: readonly Asset[]): readonly Address[] {
  const feeds = assets.flatMap(({ price }) => (price.kind === 'feed' ? [price.contract] : []))
  return [...new Set(feeds)]
}
