import type { ErrorCode } from '@chimera/contracts/errors'

/** The exact bytes of one request; `headers` may hold credentials and are never stored. */
export type PreparedRequest = Readonly<{
  method: string
  url: string
  headers: Readonly<Record<string, string>>
  body: Buffer
}>

/** A whole answer. One that was cut in its body is not one. */
export type ProviderResponse = Readonly<{
  status: number
  headers: Readonly<Record<string, string | readonly string[] | undefined>>
  body: Buffer
}>

/**
 * What an answer proves. `refused` only where the provider is known to say so instead of acting.
 */
export type Classification =
  | Readonly<{ outcome: 'accepted'; providerRef: string; url?: string }>
  | Readonly<{ outcome: 'refused'; code: ErrorCode; detail: string; retryAfterMs?: number }>
  | Readonly<{ outcome: 'unknown'; detail: string }>

/** Why something is not done. `retryAfterMs` when waiting helps. */
export type Refusal = Readonly<{ code: ErrorCode; detail: string; retryAfterMs?: number }>
