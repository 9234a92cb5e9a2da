import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { AuthInfo, McpHttpHandler } from '@modelcontextprotocol/server'

/** What `createMcpHandler` makes, as far as it is called here. */
export type FetchHandler = Pick<McpHttpHandler, 'fetch'>

/**
 * Answers one POST whose body has been read already: the half of the SDK's `toNodeHandler` that a
 * tool call takes. That one writes the body anew for a Request of which nobody reads it, and sends
 * every answer in chunks (measured by `bench/tool-call`).
 *
 * @param of.body - the parsed messages; the handler takes them in place of the request's own body
 */
export async function answerRead(
  handler: FetchHandler,
  of: { request: IncomingMessage; response: ServerResponse; body: unknown; auth: AuthInfo },
): Promise<void> {
  const { request, response, body, auth } = of
  const gone = new AbortController()
  response.once('close', () => {
    if (!response.writableFinished) gone.abort()
  })
  const url = `http://${request.headers.host ?? 'localhost'}${request.url ?? '/'}`
  const asked = new Request(url, {
    method: 'POST',
    headers: headersOf(request),
    signal: gone.signal,
  })
  const answer = await handler.fetch(asked, { authInfo: auth, parsedBody: body })
  const headers = Object.fromEntries(answer.headers)
  if (answer.body === null) {
    response.writeHead(answer.status, headers).end()
  } else if (isStream(answer)) {
    response.writeHead(answer.status, headers)
    // A client that hangs up ends the stream; there is nobody left to tell.
    await pipeline(Readable.fromWeb(answer.body), response).catch(() => response.destroy())
  } else {
    const text = Buffer.from(await answer.arrayBuffer())
    response.writeHead(answer.status, { ...headers, 'content-length': text.length }).end(text)
  }
}

const isStream = (answer: Response): boolean =>
  (answer.headers.get('content-type') ?? '').startsWith('text/event-stream')

function headersOf(request: IncomingMessage): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers)) {
    if (typeof value === 'string') headers.set(name, value)
    else for (const one of value ?? []) headers.append(name, one)
  }
  return headers
}
