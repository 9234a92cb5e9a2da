import { rmSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'

import type { StackReport } from './stack-report.ts'

/**
 * Answers the owner of this machine's stack over a Unix socket: `GET /ping`, `GET /report`, `POST
 * /stop`. The socket is 0600 from its first moment, and its path is the supervisor's alone while
 * it holds the lock.
 */
export async function openControlServer(options: {
  socket: string
  report: () => Promise<StackReport>
  stop: () => void
}): Promise<AsyncDisposable> {
  rmSync(options.socket, { force: true })
  const server = createServer((request, response) => {
    if (request.method === 'GET' && request.url === '/report') {
      options.report().then(
        (report) => answer(response, 200, report),
        (error: unknown) => answer(response, 500, { error: String(error) }),
      )
      return
    }
    if (request.method === 'POST' && request.url === '/stop') {
      answer(response, 202, {})
      options.stop()
      return
    }
    const isPing = request.method === 'GET' && request.url === '/ping'
    answer(response, isPing ? 200 : 404, {})
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    // Binding happens inside this call, so nothing else is made under this mask.
    const before = process.umask(0o177)
    server.listen(options.socket, () => resolve())
    process.umask(before)
  })
  return {
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      server.closeAllConnections()
      await closed
      rmSync(options.socket, { force: true })
    },
  }
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json', connection: 'close' })
  response.end(JSON.stringify(body))
}
