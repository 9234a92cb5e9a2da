import {
  type ChimeraError,
  DeniedError,
  RetryableError,
  TerminalError,
} from '@chimera/contracts/errors'
import { z } from 'zod'

/** What went wrong with a request to a model, by what is to be done about it. */
export type ModelFault = Readonly<{
  kind:
    /** Time-out, 5xx, a connection that is refused or cut: the next, and it counts. */
    | 'unavailable'
    /** The provider asks for a pause. */
    | 'rate_limited'
    /** It does not take the key. */
    | 'unauthorized'
    /** What is paid for there is used up. */
    | 'money'
    /** A budget of our own holds no such request. */
    | 'budget'
    /** The prompt is too long for it: a larger one. */
    | 'too_long'
    /** Its filter refuses this content. */
    | 'filtered'
    /** It answered twice what does not fit: a stronger one. */
    | 'bad_output'
    /** It refuses this request for a reason of its own. */
    | 'refused'
    /** After the first words had gone out: nobody else may go on with them. */
    | 'cut'
  error: ChimeraError
  retryAfterMs?: number
}>

/** What came back for one request: words that do not fit may be put right, all else not. */
export type Sorted = Readonly<{ text: string; fault: string } | { failed: ModelFault }>

/** What of an error of the SDK is looked at. */
type ApiError = Error & {
  readonly statusCode?: unknown
  readonly responseHeaders?: unknown
  readonly responseBody?: unknown
}

/** A provider that says "at once" and refuses again is not asked in a circle. */
const MIN_RETRY_AFTER_MS = 1_000
/** Longer waits are for a person: the task's own bounds hold anyway. */
const MAX_RETRY_AFTER_MS = 3_600_000
/** What of an answer that does not fit is shown to the model again. */
const MAX_FAULT = 1_000
/** What of a body is looked through for the words of a provider. */
const MAX_BODY = 8_192

/** The providers' own words: OpenAI, Azure, Anthropic, OpenRouter, Ollama. */
const anyOf = (...words: readonly string[]): RegExp => new RegExp(words.join('|'), 'i')
const OUT_OF_MONEY = anyOf(
  'insufficient_quota',
  'billing_hard_limit',
  'exceeded your current quota',
  'credit balance',
  'usage limit',
  'insufficient credits',
  'spend(?:ing)? limit',
)
const TOO_LONG = anyOf(
  'context.{0,20}(?:length|window|size)',
  'prompt is too long',
  'input is too long',
  'too many tokens',
  'maximum.{0,40}tokens',
)
const FILTERED = /content[_ ](?:filter|policy|management)|responsible ?ai/i

/**
 * Sorts what the SDK threw. An answer that does not fit is worth one repair turn and is given back.
 * The SDK's classes are told by name, which is what its own `isInstance` does, so that this module
 * does not load it.
 */
export function faultOfModel(name: string, thrown: unknown): Sorted {
  const error = thrown instanceof Error ? thrown : spoken(thrown)
  if ('finishReason' in error && error.finishReason === 'content-filter') {
    const message = `${name} stopped at its content filter.`
    return failed('filtered', new TerminalError('MODEL_REFUSED', message, { cause: error }))
  }
  if (error.name === 'AI_NoObjectGeneratedError') {
    const text = 'text' in error && typeof error.text === 'string' ? error.text : ''
    return { text, fault: reasonOf(error) }
  }
  if (error.name === 'AI_NoOutputGeneratedError') {
    const message = `${name} answered nothing.`
    return failed('refused', new TerminalError('MODEL_REFUSED', message, { cause: error }))
  }
  if (error.name === 'TimeoutError' || error.name === 'AbortError') {
    return { failed: unavailable(name, 'it did not answer in time', error) }
  }
  // A refusal, or an error in a stream that says which one it would have been.
  const hasStatus = 'statusCode' in error && typeof error.statusCode === 'number'
  if (error.name === 'AI_APICallError' || hasStatus) return { failed: ofStatus(name, error) }
  return { failed: unavailable(name, error.message, error) }
}

const Spoken = z.object({ message: z.string(), code: z.unknown().optional() })

/** What a stream said in place of an answer: the SDK hands on the provider's own object. */
function spoken(thrown: unknown): Error {
  const told = Spoken.safeParse(thrown).data
  if (told === undefined) return new Error('it said that something is wrong, and not what')
  const status = z.int().min(400).max(599).safeParse(told.code).data
  const error = new Error(told.message)
  return status === undefined ? error : Object.assign(error, { statusCode: status })
}

/** The answer came twice and did not fit. */
export const badOutput = (name: string, fault: string): ModelFault => ({
  kind: 'bad_output',
  error: new RetryableError(
    'MODEL_OUTPUT_INVALID',
    `${name} answered twice what does not fit: ${fault}`,
  ),
})

/** What the caller has seen the beginning of, and will not see the end of. */
export const cutShort = (name: string, cause: unknown): ModelFault => ({
  kind: 'cut',
  error: new RetryableError(
    'MODEL_UNAVAILABLE',
    `${name} began to answer and did not come to an end: do the step again from its beginning.`,
    { cause },
  ),
})

const failed = (kind: ModelFault['kind'], error: ChimeraError): { failed: ModelFault } => ({
  failed: { kind, error },
})

function ofStatus(name: string, error: ApiError): ModelFault {
  const { statusCode: status } = error
  const options = { cause: error }
  const said = `${name} answered ${String(status)}: ${error.message.slice(0, MAX_FAULT)}`
  const words = `${error.message} ${String(error.responseBody).slice(0, MAX_BODY)}`
  const retryAfterMs = retryAfterOf(error.responseHeaders)
  const wait = retryAfterMs === undefined ? {} : { retryAfterMs }
  const isClients = typeof status === 'number' && status >= 400 && status < 500
  if (status === 402 || (isClients && OUT_OF_MONEY.test(words))) {
    const message = `What is paid for at ${name} is used up: ${said}`
    return { kind: 'money', error: new DeniedError('BUDGET_EXHAUSTED', message, options), ...wait }
  }
  if (status === 429) {
    const limited = new RetryableError('MODEL_RATE_LIMITED', said, { ...options, ...wait })
    return { kind: 'rate_limited', error: limited, ...wait }
  }
  if (status === 401 || status === 403) {
    return { kind: 'unauthorized', error: new TerminalError('MODEL_UNAUTHORIZED', said, options) }
  }
  if (status === 413 || (status === 400 && TOO_LONG.test(words))) {
    return { kind: 'too_long', error: new TerminalError('MODEL_INPUT_TOO_LONG', said, options) }
  }
  // Nobody serves this model there: nothing that the request could change.
  const isGone = status === 404 || status === 408
  if (!isClients || isGone) return unavailable(name, `${String(status)} ${error.message}`, error)
  const kind = FILTERED.test(words) ? 'filtered' : 'refused'
  return { kind, error: new TerminalError('MODEL_REFUSED', said, options) }
}

/**
 * Seconds, or a date (RFC 9110 section 10.2.3), or milliseconds in the header of OpenAI's own; what
 * is none of them says nothing. Never less than a second: who asks for a pause gets one.
 */
function retryAfterOf(headers: unknown): number | undefined {
  const { 'retry-after-ms': fine, 'retry-after': text } = Headers.safeParse(headers).data ?? {}
  const ms = millisecondsOf(fine, 1) ?? millisecondsOf(text, 1_000) ?? untilOf(text)
  return ms === undefined
    ? undefined
    : Math.min(Math.max(ms, MIN_RETRY_AFTER_MS), MAX_RETRY_AFTER_MS)
}

const Headers = z.object({
  'retry-after-ms': z.string().optional(),
  'retry-after': z.string().optional(),
})

/** Some servers write fractions, though they may not. */
const millisecondsOf = (text: string | undefined, unitMs: number): number | undefined =>
  text !== undefined && /^\d{1,12}(\.\d{1,9})?$/.test(text) ? Number(text) * unitMs : undefined

function untilOf(text: string | undefined): number | undefined {
  const at = text === undefined ? Number.NaN : Date.parse(text)
  return Number.isNaN(at) ? undefined : at - Date.now()
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

const unavailable = (name: string, why: string, cause?: unknown): ModelFault => ({
  kind: 'unavailable',
  error: new RetryableError('MODEL_UNAVAILABLE', `${name}: ${why.slice(0, MAX_FAULT)}.`, { cause }),
})
