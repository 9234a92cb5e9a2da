import {
  ChimeraError,
  ERROR_CODES,
  RetryableError,
  type ErrorCode,
} from '@chimera/contracts/errors'
import { z } from 'zod'

/** The gateway's API, as one client of it. Answers are JSON that the caller parses. */
export type GatewayApi = Readonly<{
  get: (path: string, asked?: Asked) => Promise<unknown>
  post: (path: string, asked?: Asked & { body?: unknown; key?: string }) => Promise<unknown>
  /** Where people and programs find something of it. */
  linkTo: (path: string) => string
}>

type Asked = Readonly<{
  query?: Readonly<Record<string, string | undefined>>
  signal?: AbortSignal | undefined
}>

const ANSWER_WITHIN_MS = 15_000
/** A goal of many tasks is shown in far less. */
const MAX_ANSWER_CHARS = 16 * 1_024 * 1_024
/** A gateway that is started again is back within a second or two. */
const TRY_AGAIN_AFTER_MS = 2_000

const Problem = z.object({
  code: z.string(),
  detail: z.string().optional(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
})

/**
 * Opens no connection. What the gateway refuses throws ChimeraError with the code of its problem
 * (RFC 9457); no answer, and none that is one, throws UNAVAILABLE. Nothing is tried again here:
 * whoever asks knows best how long to wait, and every request may be repeated.
 */
export function openGatewayApi(options: { url: string; token: string }): GatewayApi {
  const base = new URL(options.url)
  const authorization = `Bearer ${options.token}`
  const ask = async (request: {
    method: 'GET' | 'POST'
    path: string
    asked: Asked
    headers?: Record<string, string>
    body?: string
  }): Promise<unknown> => {
    const { method, path, asked, headers = {}, body } = request
    const url = new URL(path, base)
    for (const [name, value] of Object.entries(asked.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    const { status, text, waitMs } = await send(url, {
      method,
      headers: { authorization, accept: 'application/json', ...headers },
      ...(body === undefined ? {} : { body }),
      signal: deadlineWith(asked.signal),
    })
    if (status < 300) return parseJson(text)
    throw errorOf({ status, body: parseJson(text), waitMs })
  }
  return {
    get: (path, asked = {}) => ask({ method: 'GET', path, asked }),
    post: (path, { body, key, ...asked } = {}) =>
      ask({
        method: 'POST',
        path,
        asked,
        headers: {
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(key === undefined ? {} : { 'idempotency-key': key }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    linkTo: (path) => new URL(path, base).href,
  }
}

function deadlineWith(signal: AbortSignal | undefined): AbortSignal {
  const deadline = AbortSignal.timeout(ANSWER_WITHIN_MS)
  return signal === undefined ? deadline : AbortSignal.any([signal, deadline])
}

type Answer = Readonly<{ status: number; text: string; waitMs: number | undefined }>

async function send(url: URL, init: RequestInit): Promise<Answer> {
  try {
    const response = await fetch(url, { ...init, redirect: 'error' })
    const text = await response.text()
    if (text.length > MAX_ANSWER_CHARS) throw new Error('the answer is too long')
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN)
    return {
      status: response.status,
      text,
      waitMs: Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined,
    }
  } catch (cause) {
    const message = `The gateway at ${url.origin} does not answer; the swarm may be down.`
    throw new RetryableError('UNAVAILABLE', message, { cause, retryAfterMs: TRY_AGAIN_AFTER_MS })
  }
}

function errorOf(of: { status: number; body: unknown; waitMs: number | undefined }): ChimeraError {
  const problem = Problem.safeParse(of.body)
  if (!problem.success || !isCode(problem.data.code)) {
    const message = `The gateway answered ${of.status}, which says nothing.`
    return new RetryableError('UNAVAILABLE', message, { retryAfterMs: TRY_AGAIN_AFTER_MS })
  }
  const { code, detail = ERROR_CODES[problem.data.code].title, errors = [] } = problem.data
  const faults = errors.map(({ pointer, detail: fault }) => `${pointer || '(body)'} ${fault}`)
  const message = [detail, ...faults].join('; ').slice(0, 2_000)
  if (!isCode(code)) return new RetryableError('UNAVAILABLE', message)
  if (ERROR_CODES[code].kind !== 'retryable') return new ChimeraError(code, message)
  const { waitMs } = of
  return new RetryableError(code, message, waitMs === undefined ? {} : { retryAfterMs: waitMs })
}

function isCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
