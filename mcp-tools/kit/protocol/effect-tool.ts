import type { GrantLimits } from '@chimera/contracts/grant'

import type { Entry } from '../ledger/entry.ts'
import type {
  Classification,
  PreparedRequest,
  ProviderResponse,
  Refusal,
} from '../provider/exchange.ts'

/** What the account has done, as the running ledger transaction sees it. */
export type AccountWindow = Readonly<{
  nowMs: number
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
}>

/** One call, read and understood, that has not been allowed yet. */
export type EffectPlan = Readonly<{
  /** Canonical JSON of the arguments. */
  args: string
  /** Equal for two effects that a reader of the provider could not tell apart. */
  content: string
  costUsdMicros: bigint
  /** From the claim until the connection is surely dead. */
  deadlineMs: number
  /** Makes the exact bytes; synchronous and without I/O. */
  prepare: () => PreparedRequest
  /** Holds the call to the limits of its grant. */
  checkLimits: (limits: GrantLimits) => Refusal | undefined
  /** Cooldowns and windows of the account, in the claim's transaction. Not asked of dry calls. */
  checkWindow: (window: AccountWindow) => Refusal | undefined
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
