import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Whether the request carries this bearer token; takes the same time for every wrong one. */
export function carriesToken(request: IncomingMessage, token: string | undefined): boolean {
  return token !== undefined && openBearer(token).isCarriedBy(request)
}

/** A token that many requests carry: its digest is made once. */
export function openBearer(token: string) {
  const own = digest(token)
  return {
    principal: principalOf(token),
    /** Takes the same time for every wrong token. */
    isCarriedBy: (request: IncomingMessage): boolean => {
      const given = bearerOf(request)
      return given !== undefined && timingSafeEqual(digest(given), own)
    },
  }
}
export type Bearer = ReturnType<typeof openBearer>

/** The token of the request's Authorization header, if there is one. */
export function bearerOf(request: IncomingMessage): string | undefined {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
}

/** Names the bearer of a token without giving it away. */
const principalOf = (token: string): string => digest(token).toString('hex').slice(0, 16)

function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
