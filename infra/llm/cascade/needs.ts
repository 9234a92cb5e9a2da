import type { Capability, PrivacyClass } from '@chimera/contracts/models/cascade'

import { costOf, isFree, type MostUsed } from './price.ts'
import type { Tier } from './tier.ts'

/** What a tier has to be, to be asked. It only ever gets narrower on the way down a cascade. */
export type Needs = Readonly<{
  capability: Capability
  /** Prompt and answer together, as tokens are estimated. */
  tokens: number
  /** At the most that one request can take. */
  most: MostUsed
  privacy: PrivacyClass
  /** The most that a request may cost, in micros. */
  mostMicros: bigint | undefined
  /** It has to cost less than this, or nothing: money ended there. */
  belowMicros: bigint | undefined
  /** It has to take more tokens than this. */
  aboveTokens: number | undefined
  /** It has to be stronger than this. */
  aboveStrength: number | undefined
}>

/** Why a tier is not asked, as operators read it. */
export type Unfit = 'capability' | 'context' | 'privacy' | 'price' | 'money_ended' | 'not_stronger'

/** From the narrowest to the widest. */
const CLASSES: readonly PrivacyClass[] = ['local', 'eu', 'any']

/** Whether a class of place is within another: what may go anywhere may stay at home. */
export const isWithin = (place: PrivacyClass, bound: PrivacyClass): boolean =>
  CLASSES.indexOf(place) <= CLASSES.indexOf(bound)

export const narrower = (left: PrivacyClass, right: PrivacyClass): PrivacyClass =>
  isWithin(left, right) ? left : right

/** Why not, the most serious reason first; undefined when it may be asked. */
export function whyUnfit(tier: Tier, needs: Needs): Unfit | undefined {
  const { contextTokens = Infinity, price, strength } = tier
  if (!isWithin(tier.privacy, needs.privacy)) return 'privacy'
  if (!tier.capabilities.includes(needs.capability)) return 'capability'
  if (contextTokens < needs.tokens) return 'context'
  if (needs.aboveTokens !== undefined && contextTokens <= needs.aboveTokens) return 'context'
  const micros = costOf(needs.most, price)
  if (needs.mostMicros !== undefined && micros > needs.mostMicros) return 'price'
  const isDearer = needs.belowMicros !== undefined && micros >= needs.belowMicros
  if (isDearer && !isFree(price)) return 'money_ended'
  if (needs.aboveStrength !== undefined && strength <= needs.aboveStrength) return 'not_stronger'
  return undefined
}
