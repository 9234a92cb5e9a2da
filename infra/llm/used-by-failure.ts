import { z } from 'zod'

import type { Used } from './model-budget.ts'

/**
 * Statuses of a server that has not looked at the prompt: who asks, where, how long and how often.
 * Not among them: 5xx, and 400 and 408, for the model may have been at work by then. Azure charges
 * for a 400 of its content filter and of its input limit, and for a 408 (Microsoft, "Plan and
 * manage costs for Azure OpenAI", "HTTP error response code and billing status").
 */
const REFUSED_BEFORE_WORK: ReadonlySet<unknown> = new Set([401, 402, 403, 404, 405, 413, 415, 429])
/** Steps of a request that come before its first byte. */
const BEFORE_SENDING: ReadonlySet<unknown> = new Set(['getaddrinfo', 'connect'])
/** The same, in the word of Node's own client, which gives up on a connection by a clock. */
const CONNECT_TIMEOUT = 'UND_ERR_CONNECT_TIMEOUT'
/** How deep a cause may lie: the SDK, the client, the list of addresses, the system. */
const MAX_DEPTH = 6

/**
 * What a request to a model used that ended in an error: `nothing` only where that is certain, else
 * what the server says of it. Undefined counts in full, and so does every error that is not known.
 */
export function usedByFailure(error: unknown): Used | 'nothing' {
  if (isRefusal(error) || isUnsent(error)) return 'nothing'
  return usageIn(error instanceof Error && 'usage' in error ? error.usage : undefined)
}

/** What a server says it used. A number that cannot be one is none: then it counts in full. */
export function usageIn(told: unknown): Used {
  const usage = Usage.safeParse(told).data
  return { input: usage?.inputTokens, output: usage?.outputTokens }
}

const Tokens = z.int().nonnegative().optional().catch(undefined)
const Usage = z.object({ inputTokens: Tokens, outputTokens: Tokens })

const isRefusal = (error: unknown): boolean =>
  error instanceof Error &&
  error.name === 'AI_APICallError' &&
  'statusCode' in error &&
  REFUSED_BEFORE_WORK.has(error.statusCode)

/** Nobody was there: the request never left, on none of the addresses. */
function isUnsent(error: unknown, depth = 0): boolean {
  if (!(error instanceof Error) || depth > MAX_DEPTH) return false
  if (error instanceof AggregateError) {
    return error.errors.length > 0 && error.errors.every((one) => isUnsent(one, depth + 1))
  }
  if ('syscall' in error) return BEFORE_SENDING.has(error.syscall)
  if ('code' in error && error.code === CONNECT_TIMEOUT) return true
  return isUnsent(error.cause, depth + 1)
}
