import { request as requestHttp, type IncomingMessage, type ServerResponse } from 'node:http'

import { RetryableError } from '@chimera/contracts/errors'

import { sendProblem } from '../serving/problem.ts'

/**
 * Hands a request to the holder as it came, tokens included, which the holder checks. When the
 * holder dies before it has answered, the answer is retryable and comes from here.
 */
export function forwardHttp(
  socketPath: string,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const { method, url: path, headers } = request
    const outgoing = requestHttp({ socketPath, method, path, headers, agent: false })
    const fail = (cause: unknown): void => {
      if (response.headersSent) return void response.destroy()
      const message = 'The process that holds the ledger of this account is gone; ask again.'
      sendProblem(response, new RetryableError('SERVER_CLOSED', message, { cause }))
    }
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.on('error', fail)
      answer.pipe(response)
    })
    outgoing.on('error', fail)
    request.on('error', () => outgoing.destroy())
    response.on('close', () => outgoing.destroy())
    request.pipe(outgoing)
  }
}
