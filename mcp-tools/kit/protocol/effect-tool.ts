import type { GrantLimits } from '@chimera/contracts/grant'

import type { Entry } from '../ledger/entry.ts'
import type { Spent } from '../ledger/spending/sliding-sums.ts'
import type {
  Classification,
  PreparedRequest,
  ProviderResponse,
  Refusal,
  Spend,
} from '../provider/exchange.ts'
import type { Stage } from './stage.ts'

/** What the account has done, as the running ledger transaction sees it. */
export type AccountWindow = Readonly<{
  nowMs: number
  /** The kill level that the call is under; what it forbids the kit refuses by itself. */
  killLevel: number
  /**
   * Until when the provider asked to be left alone; in the past when it did not. The kit checks it.
   */
  heldUntilMs: number
  /** When the last effect of a tool can have left, accepted or unknown. */
  lastLeftBy: (tool: string) => number | undefined
  /**
   * When a sliding window of `limit` effects of a tool in `ms` has room, which may be in the past.
   * Unknown effects count however old they are.
   */
  roomAtMs: (tool: string, limit: number, ms: number) => number
  /**
   * What all tools took in the last `ms` (at > now - ms, at most 7 days), of one asset, to one
   * recipient, or in all. What may still happen counts however old it is; what was closed without
   * effect does not. `amount` is 0 without an asset; `count` counts effects.
   */
  spent: (of: Readonly<{ asset?: string; recipient?: string; ms: number }>) => Spent
  /** When the first effect for a recipient that is CONFIRMED can have left. */
  firstSentTo: (recipient: string) => number | undefined
}>

/** One round of one slot, by what stands in the record as well. */
export type RoundName = Readonly<{ effectKey: string; round: number }>

/** One call, read and understood, that has not been allowed yet. */
export type EffectPlan = Readonly<{
  /** Canonical JSON of the arguments. */
  args: string
  /** Equal for two effects that a reader of the provider could not tell apart. */
  content: string
  costUsdMicros: bigint
  /** From the claim until the connection is surely dead. */
  deadlineMs: number
  /**
   * Makes the exact bytes, in the account's turn, which it shares with the claim, so that no two
   * get the same nonce. May read from the provider within `PREPARE_MS`, and never changes anything
   * anywhere: what it does before it awaits runs within a ledger commit. A refusal ends the round;
   * what it throws leaves the round open. Not asked for a grant that is known already, nor in mode
   * `dry`. A handle of our own at the provider is made from the round's name, so that it can be
   * made again without the ledger.
   */
  prepare: (of: RoundName) => PreparedRequest | Refusal | Promise<PreparedRequest | Refusal>
  /** Comes between the claim and the send, and makes what is sent. Not asked in mode `dry`. */
  stage?: Stage
  /** What the caps of the account count, where the prepared request does not say. */
  spends?: readonly Spend[]
  /** How long a call waits for the end of what is `pending` before it answers UNKNOWN. */
  followMs?: number
  /** Holds the call to the limits of its grant. */
  checkLimits: (limits: GrantLimits) => Refusal | undefined
  /**
   * Cooldowns and windows of the account, in the claim's transaction: what it allows is claimed
   * before anybody else is asked. Not asked of dry calls.
   */
  checkWindow: (window: AccountWindow, prepared: PreparedRequest) => Refusal | undefined
  /**
   * What can have changed since the claim, asked in the very step that writes to the socket;
   * synchronous.
   */
  mayStillSend?: () => Refusal | undefined
  classify: (response: ProviderResponse) => Classification
}>

/** A call that can never be done as it is, or its plan. */
export type Planned =
  | Readonly<{ plan: EffectPlan; refusal?: undefined }>
  | Readonly<{ plan?: undefined; refusal: Refusal }>

/** The part of a mutating tool that the protocol needs; the rest is in `define-tool.ts`. */
export type EffectTool = Readonly<{
  name: string
  definitionHash: string
  plan: (args: unknown) => Planned
  /** The tool's own words for an outcome, beside the state. */
  describe: (entry: Entry) => Record<string, unknown>
}>

/** The back end behind the account. */
export type Backend = Readonly<{ label: string; isLive: boolean }>
