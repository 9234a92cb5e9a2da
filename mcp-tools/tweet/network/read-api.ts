import type { Authorize } from './authorize.ts'
import { retryAfterMsOf } from './classify-answer.ts'

/** A page of 100 posts with entities stays far below; more is not an answer of X. */
const MAX_ANSWER_BYTES = 4 * 1_024 * 1_024

/** What came of one read. */
export type ReadAnswer =
  | { readonly outcome: 'read'; readonly body: unknown }
  | { readonly outcome: 'unavailable'; readonly detail: string; readonly retryAfterMs?: number }

/**
 * One GET: one attempt, no redirect (a signature would leak to where it leads), a deadline over
 * headers and body. Throws only when `signal` aborts.
 */
export async function readApi(request: {
  url: string
  authorize: Authorize
  deadlineMs: number
  now: () => number
  signal: AbortSignal | undefined
}): Promise<ReadAnswer> {
  const { url, authorize, deadlineMs, now, signal } = request
  signal?.throwIfAborted()
  const deadline = AbortSignal.timeout(deadlineMs)
  try {
    const response = await fetch(url, {
      headers: { authorization: authorize({ method: 'GET', url }), accept: 'application/json' },
      redirect: 'error',
      signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
    })
    const text = await readBounded(response)
    if (response.status !== 200) {
      const retryAfterMs = retryAfterMsOf(Object.fromEntries(response.headers), now())
      const detail = `GET ${pathOf(url)} answered ${response.status}.`
      return { outcome: 'unavailable', detail, ...(retryAfterMs && { retryAfterMs }) }
    }
    return { outcome: 'read', body: JSON.parse(text) }
  } catch (cause) {
    signal?.throwIfAborted()
    return { outcome: 'unavailable', detail: `GET ${pathOf(url)} failed: ${reasonOf(cause)}.` }
  }
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

function pathOf(url: string): string {
  return new URL(url).pathname
}

/** `fetch failed` says nothing; the cause below it does. */
function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return cause.cause instanceof Error ? cause.cause.message : cause.message
}
