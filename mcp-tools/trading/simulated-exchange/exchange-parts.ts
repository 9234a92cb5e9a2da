import type { CandlePlayer } from '../candles/candle-player.ts'
import type { Quote } from '../engine/engine-state.ts'
import type { Engine } from '../engine/engine.ts'
import type { Chain } from '../hyperliquid/signing/agent-digest.ts'
import type { Accounts } from './accounts.ts'
import type { Faults } from './faults.ts'
import type { openWeights } from './request-weights.ts'
import type { SignerNonces } from './wire/signer-nonces.ts'

/** What `POST /__control` sets for all requests. */
export type Settings = {
  nonceCheck: boolean
  cloidCheck: boolean
  clockSkewMs: number
  /** How far answers are behind what was accepted, as on a node that lags. */
  lagMs: number
  /** Quotes that answers show still, since a moment of their own. */
  stale: Readonly<{ quotes: ReadonlyMap<number, Quote>; sinceMs: number }> | undefined
  shuffledFills: boolean
  weightLimit: number
}

/** The parts of the simulated exchange; each is in the file of its name. */
export type ExchangeParts = Readonly<{
  chain: Chain
  accounts: Accounts
  engine: Engine
  nonces: SignerNonces
  weights: ReturnType<typeof openWeights>
  faults: Faults
  settings: Settings
  /** Where prices come from, for what has been. */
  source: CandlePlayer
  /** When a scheduled cancel is due, by account. */
  schedules: Map<string, number>
  /** The exchange's own clock: ours and the skew, and never backwards. */
  now: () => number
}>
