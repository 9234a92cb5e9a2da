import { AssetCode } from '../money.ts'
import { HOUSE_ASSETS } from './moving-tools.ts'

/**
 * The code of something that a wallet can hold. What the house counts by itself is none: a token
 * of such a name would be taken for dollars, calls or a count wherever its code is read.
 */
export const TokenCode = AssetCode.refine((code) => !isHouseAsset(code), {
  error: `is what the house counts by itself (${HOUSE_ASSETS.join(', ')}); no token is named so`,
})

/** However it is capitalised: people read `Usd` as `USD`. */
export const isHouseAsset = (code: string): boolean => HOUSE_ASSETS.includes(code.toUpperCase())
