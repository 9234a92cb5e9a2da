import type { Capability, Cascade, PrivacyClass } from '@chimera/contracts/models/cascade'

import type { Price } from './price.ts'

/** One model of the cascade, with everything that asking it takes. */
export type Tier = Readonly<{
  /** The operator's name for it. */
  name: string
  provider: Cascade['tiers'][number]['provider']
  baseUrl: string | undefined
  model: string
  key: string | undefined
  /** Host and model, for the record of a call. */
  label: string
  /** What shares one circuit: provider, host, model and key. Tells nothing of the key. */
  circuit: string
  capabilities: readonly Capability[]
  /** Undefined where nobody has said; then the server's own word is waited for. */
  contextTokens: number | undefined
  privacy: PrivacyClass
  price: Price
  timeoutMs: number
  strength: number
}>

/** The cascade in the order in which it is asked. */
export type OpenCascade = Readonly<{
  tiers: readonly Tier[]
  privacy: PrivacyClass
  maxUsdMicros: bigint | undefined
}>
