import type { ServerResponse } from 'node:http'

import {
  ChimeraError,
  ERROR_CODES,
  RetryableError,
  type ErrorCode,
} from '@chimera/contracts/errors'

import { ChallengeError } from './authenticate.ts'

/** Answers with RFC 9457 problem+json; `code` is one of the error table. */
export function sendProblem(response: ServerResponse, error: unknown): void {
  const isOurs = error instanceof ChimeraError
  const code: ErrorCode = isOurs ? error.code : 'TOOL_FAILED'
  const { http, title } = ERROR_CODES[code]
  const detail = isOurs ? error.message : 'The tool server failed; its log says how.'
  const retryAfterMs = error instanceof RetryableError ? error.retryAfterMs : undefined
  const body = {
    type: 'about:blank',
    title,
    status: http,
    detail,
    code,
    ...(retryAfterMs === undefined ? {} : { retry_after_ms: retryAfterMs }),
  }
  const headers: Record<string, string | number> = { 'content-type': 'application/problem+json' }
  if (error instanceof ChallengeError) headers['www-authenticate'] = error.challenge
  else if (http === 401) headers['www-authenticate'] = 'Bearer'
  if (retryAfterMs !== undefined) headers['retry-after'] = Math.ceil(retryAfterMs / 1_000)
  // What is left of a body that was not read would be taken for the next request.
  if (http === 413) headers['connection'] = 'close'
  response.writeHead(http, headers)
  response.end(JSON.stringify(body))
}
