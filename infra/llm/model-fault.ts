import { RetryableError, TerminalError } from '@chimera/contracts/errors'

/** What of an error of the SDK is looked at. */
type ApiError = Error & {
  readonly statusCode?: unknown
  readonly responseHeaders?: unknown
  readonly responseBody?: unknown
}

/** Longer waits are for a person: the task's own bounds hold anyway. */
const MAX_RETRY_AFTER_MS = 3_600_000
/** What of an answer that does not fit is shown to the model again. */
const MAX_FAULT = 1_000

/**
 * Sorts what the SDK threw: an answer that does not fit is worth one repair turn and is given
 * back; everything else is thrown as an error of the house. The SDK's classes are told by name,
 * which is what its own `isInstance` does, so that this module does not load it.
 */
export function faultOfModel(name: string, error: unknown): { text: string; fault: string } {
  if (!(error instanceof Error)) throw unavailable(name, 'it threw no error', error)
  if (error.name === 'AI_NoObjectGeneratedError') {
    const text = 'text' in error && typeof error.text === 'string' ? error.text : ''
    return { text, fault: reasonOf(error) }
  }
  if (error.name === 'AI_NoOutputGeneratedError') {
    throw new TerminalError('MODEL_REFUSED', `${name} answered nothing.`, { cause: error })
  }
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    throw unavailable(name, 'it did not answer in time', error)
  }
  throw error.name === 'AI_APICallError' ? ofStatus(name, error) : unavailable(name, error.message)
}

function ofStatus(name: string, error: ApiError): RetryableError | TerminalError {
  const { statusCode: status, responseBody: body } = error
  const options = { cause: error }
  const said = `${name} answered ${String(status)}: ${error.message.slice(0, MAX_FAULT)}`
  if (status === 429) {
    const retryAfterMs = retryAfterOf(error.responseHeaders)
    const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
    return new RetryableError('MODEL_RATE_LIMITED', said, { ...options, ...wait })
  }
  if (status === 401 || status === 403) {
    return new TerminalError('MODEL_UNAUTHORIZED', said, options)
  }
  const isTooLong =
    status === 413 ||
    (status === 400 && /context|too long|maximum.*tokens/i.test(`${error.message}${String(body)}`))
  if (isTooLong) return new TerminalError('MODEL_INPUT_TOO_LONG', said, options)
  if (typeof status === 'number' && status >= 400 && status < 500 && status !== 408) {
    return new TerminalError('MODEL_REFUSED', said, options)
  }
  return unavailable(name, error.message, error)
}

/** Seconds, or a date (RFC 9110 section 10.2.3); what is neither says nothing. */
function retryAfterOf(headers: unknown): number | undefined {
  if (typeof headers !== 'object' || headers === null || !('retry-after' in headers)) {
    return undefined
  }
  const text = String(headers['retry-after'])
  const ms = /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - Date.now()
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined
}

/** The innermost reason says where the JSON broke or which field did not fit. */
function reasonOf(error: Error): string {
  let at: unknown = error
  let reason = error.message
  for (let depth = 0; depth < 4 && at instanceof Error; depth += 1) {
    reason = at.message
    at = at.cause
  }
  return reason.slice(0, MAX_FAULT)
}

const unavailable = (name: string, why: string, cause?: unknown): RetryableError =>
  new RetryableError('MODEL_UNAVAILABLE', `${name}: ${why.slice(0, MAX_FAULT)}.`, { cause })
