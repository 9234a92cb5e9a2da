import type { Refusal } from '@chimera/mcp-kit/provider/exchange'

import type { FeedAnswer } from '../chain/survey.ts'
import { valueOf } from '../limits/value-of.ts'
import type { Asset } from '../limits/wallet-limits.ts'

/** Values an amount of an asset in micros of a US dollar, or refuses for want of a fresh price. */
export type Appraise = (asset: Asset, amount: bigint) => bigint | Refusal

/** A feed's clock may be a little ahead of ours, and no more. */
const AHEAD_MS = 120_000

/** Every axis of the limits counts in dollars too: what has no fresh price is not sent (X27). */
export function appraiser(given: {
  feeds: ReadonlyMap<string, FeedAnswer>
  nowMs: number
}): Appraise {
  return (asset, amount) => {
    const { price, decimals } = asset
    if (price.kind === 'fixed') return valueOf(amount, { usdMicros: price.usd_micros, decimals })
    const feed = given.feeds.get(price.contract)
    if (feed === undefined) return unpriced(asset, 'its feed does not answer')
    const ageMs = given.nowMs - feed.updatedAtMs
    if (ageMs > price.max_age_ms) return unpriced(asset, `its price is ${ageMs} ms old`)
    if (ageMs < -AHEAD_MS) return unpriced(asset, 'its price is from the future')
    // From the feed's decimals to millionths, rounded up.
    const unit = 10n ** BigInt(price.decimals)
    const usdMicros = (feed.answer * 1_000_000n + unit - 1n) / unit
    return valueOf(amount, { usdMicros, decimals })
  }
}

function unpriced({ asset }: Asset, why: string): Refusal {
  return { code: 'PRICE_UNAVAILABLE', detail: `${asset} has no fresh price: ${why}.` }
}
