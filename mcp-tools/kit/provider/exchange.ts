import type { ErrorCode } from '@chimera/contracts/errors'

/** What is known of an effect at its provider beside its reference: a nonce, a hash, a cloid. */
export type Facts = Readonly<Record<string, string>>

/**
 * What an effect takes from the account. `amount` is in the asset's base units, both are not below
 * 0; `recipient` in the one spelling by which the tool knows it.
 */
export type Spend = Readonly<{
  asset: string
  amount: bigint
  usdMicros: bigint
  recipient?: string
}>

/** The exact bytes of one request; `headers` may hold credentials and are never stored. */
export type PreparedRequest = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer
  /** Stored by the claim, before anything is sent: what the effect will be looked up by. */
  facts?: Facts
  /** Stored by the claim, in place of the plan's: what the account's caps count. */
  spends?: readonly Spend[]
}>

/** A whole answer. One that was cut in its body is not one. */
export type ProviderResponse = Readonly<{
  status: number
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  body: Buffer
}>

/** What turned out otherwise than the claim had it: actual amounts take the place of planned. */
export type Actual = Readonly<{
  /** Added to those of the claim. */
  facts?: Facts
  /** All of them: what is left out is released. */
  spends?: readonly Spend[]
  costUsdMicros?: bigint
}>

/**
 * What an answer proves. `refused` only where the provider is known to say so instead of acting.
 * `pending`: it has taken the effect, and its end is not known yet (a broadcast transaction): the
 * entry is UNKNOWN, and the provider is asked at once, then every second, ever rarer.
 */
export type Classification =
  | (Readonly<{ outcome: 'accepted'; providerRef: string; url?: string }> & Actual)
  | Readonly<{ outcome: 'pending'; detail?: string; facts?: Facts }>
  | Readonly<{ outcome: 'refused'; code: ErrorCode; detail: string; retryAfterMs?: number }>
  | Readonly<{ outcome: 'unknown'; detail: string }>

/** Why something is not done. `retryAfterMs` when waiting helps. */
export type Refusal = Readonly<{ code: ErrorCode; detail: string; retryAfterMs?: number }>
