import {
  type ChimeraError,
  DeniedError,
  ERROR_CODES,
  type ErrorCode,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'

import type { Considered } from './decision.ts'

/** A reason why a tier did not answer, as an error of the house. */
export type Reason = Readonly<{
  code: ErrorCode
  /** The error itself, where a tier was asked. */
  error?: ChimeraError
  /** How long until it is worth another try; undefined when nobody knows. */
  waitMs?: number | undefined
}>

/** Nobody waits longer because of a circuit than it stays open. */
const MAX_WAIT_MS = 60_000

/** What may not be tried again, the most telling first. */
const FINAL: readonly ErrorCode[] = [
  'BUDGET_EXHAUSTED',
  'MODEL_UNAUTHORIZED',
  'MODEL_INPUT_TOO_LONG',
  'MODEL_REFUSED',
]

/**
 * The error of a cascade of which nobody answered. What may be tried again comes first: one tier
 * that comes back is enough.
 */
export function lastWord(
  reasons: readonly Reason[],
  considered: readonly Considered[],
): ChimeraError {
  const [only] = reasons
  if (considered.length === 1 && only?.error !== undefined) return only.error
  const told = considered.map(({ tier, why }) => `${tier}: ${why ?? 'nothing'}`).join('; ')
  const message = `No model answered (${told}).`
  const cause = reasons.find(({ error }) => error !== undefined)?.error
  const again = reasons.filter(({ code }) => ERROR_CODES[code].kind === 'retryable')
  const [first] = again
  if (first !== undefined) {
    const waits = again.map(({ waitMs }) => waitMs)
    const isKnown = waits.every((wait) => wait !== undefined)
    const retryAfterMs = Math.min(MAX_WAIT_MS, ...waits.map((wait) => wait ?? 0))
    return new RetryableError(first.code, message, {
      cause,
      ...(isKnown ? { retryAfterMs } : {}),
    })
  }
  const code = FINAL.find((each) => reasons.some((reason) => reason.code === each))
  if (code === 'BUDGET_EXHAUSTED') return new DeniedError(code, message, { cause })
  return new TerminalError(code ?? 'MODEL_NONE_FITS', message, { cause })
}
