import {
  ChimeraError,
  ERROR_CODES,
  InvariantError,
  RetryableError,
  type ErrorCode,
  type Fault,
} from '@chimera/contracts/errors'

/** The media type of every 4xx and 5xx (RFC 9457). */
export const PROBLEM_TYPE = 'application/problem+json'

/** A problem as it is sent: RFC 9457 with the house's extensions. */
export type Problem = Readonly<{
  type: string
  title: string
  status: number
  detail: string
  code: ErrorCode
  /** The path that was asked for. */
  instance: string
  errors: readonly Fault[]
  trace_id: string
  /** Whether the very same request may succeed later. */
  retryable: boolean
}>

/** How a problem is answered: its status, its headers, its body. */
export type ProblemAnswer = Readonly<{
  status: number
  headers: Readonly<Record<string, string>>
  problem: Problem
}>

/** More faults than a person reads at once help nobody. */
const MAX_FAULTS = 32
const MAX_DETAIL = 1_000

/**
 * What an error is to a client. Words of errors that this house did not throw on purpose are for
 * the log only: they may hold anything.
 */
export function problemOf(
  error: unknown,
  at: { instance: string; traceId: string },
): ProblemAnswer {
  const known = error instanceof ChimeraError && !(error instanceof InvariantError)
  const code = known ? error.code : 'INVARIANT'
  const { http, title, kind } = ERROR_CODES[code]
  const detail = known
    ? error.message
    : 'Something went wrong here; the log has it under this trace_id.'
  return {
    status: http,
    headers: headersOf(error, code),
    problem: {
      type: `urn:chimera:problem:${code.toLowerCase().replaceAll('_', '-')}`,
      title,
      status: http,
      detail: detail.slice(0, MAX_DETAIL).toWellFormed(),
      code,
      instance: at.instance,
      errors: known ? error.faults.slice(0, MAX_FAULTS) : [],
      trace_id: at.traceId,
      retryable: kind === 'retryable',
    },
  }
}

function headersOf(error: unknown, code: ErrorCode): Record<string, string> {
  if (code === 'UNAUTHENTICATED') return { 'www-authenticate': 'Bearer realm="chimera"' }
  const after = error instanceof RetryableError ? error.retryAfterMs : undefined
  // Whole seconds, and never 0: that would say "at once".
  if (after === undefined) return {}
  return { 'retry-after': String(Math.max(1, Math.ceil(after / 1_000))) }
}
