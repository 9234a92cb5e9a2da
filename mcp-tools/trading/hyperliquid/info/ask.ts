import { RetryableError } from '@chimera/contracts/errors'
import type { z } from 'zod'

/** 2,000 fills with every field stay below 2 MB; more is not an answer of this exchange. */
const MAX_ANSWER_BYTES = 8 * 1_024 * 1_024
/** What a limited caller waits where the exchange does not say: its weights are per minute. */
const DEFAULT_WAIT_MS = 10_000

/** Asks `/info` one question. */
export type Ask = <Reply>(
  question: Readonly<{ type: string } & Record<string, unknown>>,
  reply: z.ZodType<Reply>,
  signal: AbortSignal | undefined,
) => Promise<Reply>

/**
 * Questions to `/info`: one attempt each, no redirects, a deadline over headers and body. Rejects
 * with RetryableError UPSTREAM_RATE_LIMITED or UPSTREAM_UNAVAILABLE; an answer that cannot be read
 * is none. When the caller's own signal aborts, with that signal's reason.
 */
export function createAsk(options: { baseUrl: URL; deadlineMs: number }): Ask {
  const url = new URL('/info', options.baseUrl)
  return async (question, reply, signal) => {
    signal?.throwIfAborted()
    const deadline = AbortSignal.timeout(options.deadlineMs)
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify(question),
        redirect: 'error',
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      })
      const text = await readBounded(response)
      if (response.status !== 200) throw refusal(question.type, response)
      return reply.parse(JSON.parse(text))
    } catch (cause) {
      signal?.throwIfAborted()
      if (cause instanceof RetryableError) throw cause
      const message = `The exchange did not answer ${question.type}: ${reasonOf(cause)}.`
      throw new RetryableError('UPSTREAM_UNAVAILABLE', message, { cause })
    }
  }
}

function refusal(question: string, response: Response): RetryableError {
  const message = `The exchange answered ${response.status} to ${question}.`
  if (response.status !== 429) return new RetryableError('UPSTREAM_UNAVAILABLE', message)
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
  const retryAfterMs = seconds >= 0 ? seconds * 1_000 : DEFAULT_WAIT_MS
  return new RetryableError('UPSTREAM_RATE_LIMITED', message, { retryAfterMs })
}

async function readBounded(response: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  const body: AsyncIterable<unknown> | Iterable<unknown> = response.body ?? []
  for await (const chunk of body) {
    if (!(chunk instanceof Uint8Array)) throw new TypeError('a chunk that is not bytes')
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) throw new RangeError(`more than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** `fetch failed` says nothing; the cause below it does. A schema's own words fill pages. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  if (cause.name === 'ZodError') return 'its answer does not fit'
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}
