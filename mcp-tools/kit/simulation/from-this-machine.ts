import type { IncomingMessage } from 'node:http'

import { isLoopback } from '../serving/http-handler.ts'

/**
 * Whether a request to `/__control` of a simulated provider comes from this machine, and from no
 * web page: one that rebinds DNS still sends its own Host, and any page its Origin.
 */
export function isFromThisMachine(request: IncomingMessage): boolean {
  if (request.headers.origin !== undefined) return false
  const peer = (request.socket.remoteAddress ?? '').replace(/^::ffff:/u, '')
  const host = URL.parse(`http://${request.headers.host ?? ''}`)?.hostname ?? ''
  return isLoopback(peer) && isLoopback(host.replace(/^\[(.*)\]$/u, '$1'))
}
