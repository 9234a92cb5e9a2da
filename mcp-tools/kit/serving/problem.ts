import type { ServerResponse } from 'node:http'

import {
  ChimeraError,
  ERROR_CODES,
  RetryableError,
  type ErrorCode,
} from '@chimera/contracts/errors'

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
  response.writeHead(http, {
    'content-type': 'application/problem+json',
    ...(http === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  })
  response.end(JSON.stringify(body))
}
