import { z } from 'zod'

import type { Classification, ProviderResponse, UploadVerdict } from './network.ts'

const Id = z.string().regex(/^[0-9]{1,19}$/u)
const Created = z.object({ data: z.object({ id: Id }) })
const Removed = z.object({ data: z.object({ deleted: z.boolean() }) })
const Uploaded = z.object({
  data: z.object({ id: Id, processing_info: z.object({ state: z.string() }).optional() }),
})

/** The two shapes in which X refuses: problem+json (RFC 9457) and the older list of errors. */
const Problem = z.object({ title: z.string(), detail: z.string().optional() })
const ErrorList = z.object({
  errors: z
    .array(z.object({ code: z.int().optional(), message: z.string() }))
    .min(1)
    .max(100),
})

/**
 * Statuses that X gives instead of posting. 408 is not among them (it says nothing about the post),
 * nor is 409 (X documents it for streams only). 402 is "credits depleted".
 */
const REFUSALS = new Set([400, 401, 402, 403, 404, 405, 406, 410, 413, 414, 415, 422])

const MAX_DETAIL = 500
/** A whole window of X's limits: what to wait when an answer does not say until when. */
const WINDOW_MS = 900_000
/** The longest window that X counts in. A clock that is wrong must not make a wait of years. */
const DAY_MS = 86_400_000

/**
 * What an answer to POST /2/tweets proves. A 4xx counts as a refusal only in X's own words: a 403
 * page of something between us and X is `unknown`, since X may have got the post.
 * `postUrl` makes the address that people may open; `nowMs` is for `x-rate-limit-reset`.
 */
export function classifyAnswer(
  response: ProviderResponse,
  { postUrl, nowMs }: { postUrl: (id: string) => string; nowMs: number },
): Classification {
  if (!isSuccess(response)) return classifyFailure(response, nowMs)
  const created = Created.safeParse(parseJson(response.body))
  if (!created.success) {
    return { outcome: 'unknown', detail: `X answered ${response.status} without the id of a post.` }
  }
  const { id } = created.data.data
  return { outcome: 'accepted', providerRef: id, url: postUrl(id) }
}

/** The name of a removal among the provider's references: the post's own is the post's effect. */
export const removalOf = (id: string): string => `deleted:${id}`

/** What an answer to DELETE /2/tweets/:id proves. */
export function classifyRemoval(
  response: ProviderResponse,
  { id, nowMs }: { id: string; nowMs: number },
): Classification {
  if (!isSuccess(response)) return classifyFailure(response, nowMs)
  const removed = Removed.safeParse(parseJson(response.body))
  if (!removed.success) {
    const detail = `X answered ${response.status} without saying whether it deleted the post.`
    return { outcome: 'unknown', detail }
  }
  if (removed.data.data.deleted) return { outcome: 'accepted', providerRef: removalOf(id) }
  const detail = 'X says that it did not delete the post.'
  return { outcome: 'refused', code: 'UPSTREAM_REJECTED', detail }
}

/** What an answer to POST /2/media/upload proves. */
export function classifyUpload(response: ProviderResponse, nowMs: number): UploadVerdict {
  if (!isSuccess(response)) return classifyFailure(response, nowMs)
  const uploaded = Uploaded.safeParse(parseJson(response.body))
  if (!uploaded.success) {
    return { outcome: 'unknown', detail: `X answered ${response.status} without a media id.` }
  }
  const { id, processing_info: processing } = uploaded.data.data
  if (processing === undefined || processing.state === 'succeeded') {
    return { outcome: 'uploaded', mediaId: id }
  }
  const detail = `X has not finished the media; it is ${processing.state.slice(0, 32)}.`
  return { outcome: 'unknown', detail }
}

function isSuccess({ status }: ProviderResponse): boolean {
  return status >= 200 && status < 300
}

/** What an answer that is no success proves: a refusal in X's own words, or nothing. */
function classifyFailure(
  response: ProviderResponse,
  nowMs: number,
): Extract<Classification, { outcome: 'refused' | 'unknown' }> {
  const { status, headers } = response
  const said = sayingOf(parseJson(response.body))
  if (status === 429) {
    // Whoever answers 429, X or a proxy before it, did not process the request (RFC 6585).
    const detail = said?.text ?? 'X limits the rate.'
    const retryAfterMs = retryAfterMsOf(headers, nowMs) ?? WINDOW_MS
    return { outcome: 'refused', code: 'UPSTREAM_RATE_LIMITED', detail, retryAfterMs }
  }
  if (!REFUSALS.has(status) || said === undefined) {
    return { outcome: 'unknown', detail: `X answered ${status}${said ? `: ${said.text}` : ''}.` }
  }
  const code = status === 403 && said.isDuplicate ? 'DUPLICATE' : 'UPSTREAM_REJECTED'
  return { outcome: 'refused', code, detail: `X refused with ${status}: ${said.text}` }
}

/**
 * How long X wants us to wait: its 15-minute window, or a 24-hour one that is used up. Undefined
 * when it does not say. Never negative, never above a day.
 */
export function retryAfterMsOf(
  headers: ProviderResponse['headers'],
  nowMs: number,
): number | undefined {
  const spent = ['x-user-limit-24hour', 'x-app-limit-24hour'].filter(
    (limit) => numberOf(headers[`${limit}-remaining`]) === 0,
  )
  const waits = ['x-rate-limit', ...spent]
    .map((limit) => numberOf(headers[`${limit}-reset`]))
    .filter((resetS) => resetS !== undefined)
    .map((resetS) => resetS * 1_000 - nowMs)
  const plainS = numberOf(headers['retry-after'])
  if (plainS !== undefined) waits.push(plainS * 1_000)
  if (waits.length === 0) return undefined
  return Math.min(Math.max(...waits, 0), DAY_MS)
}

function numberOf(header: string | readonly string[] | undefined): number | undefined {
  const value = typeof header === 'string' ? header : header?.[0]
  return value !== undefined && /^[0-9]{1,12}$/u.test(value) ? Number(value) : undefined
}

function sayingOf(body: unknown): { text: string; isDuplicate: boolean } | undefined {
  const problem = Problem.safeParse(body)
  if (problem.success) {
    const text = problem.data.detail ?? problem.data.title
    return { text: text.slice(0, MAX_DETAIL), isDuplicate: /duplicate content/iu.test(text) }
  }
  const list = ErrorList.safeParse(body)
  if (!list.success) return undefined
  const text = list.data.errors.map(({ message }) => message).join('; ')
  // 187: "Status is a duplicate", the code of the older API that some paths still give.
  const isDuplicate = list.data.errors.some(({ code }) => code === 187)
  return { text: text.slice(0, MAX_DETAIL), isDuplicate }
}

function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    // Not JSON is not X's own word; the status alone decides.
    return undefined
  }
}
