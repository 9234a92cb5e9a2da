import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Whether the request carries this bearer token; takes the same time for every wrong one. */
export function carriesToken(request: IncomingMessage, token: string | undefined): boolean {
  const given = bearerOf(request)
  if (given === undefined || token === undefined) return false
  return timingSafeEqual(digest(given), digest(token))
}

/** The token of the request's Authorization header, if there is one. */
export function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

/** Names the bearer of a token without giving it away. */
export const principalOf = (token: string): string => digest(token).toString('hex').slice(0, 16)

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
