import type { ToolLog, ToolServer } from '../tool-server.ts'
import { type HttpServing, openDoor } from './door.ts'
import { createHttpHandler, type HttpTokens } from './http-handler.ts'

/** Serves a tool server over HTTP. */
export async function serveHttp(options: {
  server: ToolServer
  host: string
  port: number
  tokens: HttpTokens
  log: ToolLog
}): Promise<HttpServing> {
  const handler = createHttpHandler(options)
  const door = await openDoor({ ...options, handle: handler.handle })
  return {
    url: door.url,
    [Symbol.asyncDispose]: async () => {
      await door[Symbol.asyncDispose]()
      await handler.close()
    },
  }
}
