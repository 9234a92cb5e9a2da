import { RetryableError } from '@chimera/contracts/errors'
import type { FeedReader } from '@chimera/infra/streams/feed-reader'
import type { Logger } from '@chimera/runtime/log'
import { z } from 'zod'

import { eventStream } from '../feed/event-stream.ts'
import type { GatewayContext } from '../http/context.ts'
import { parseQuery } from '../http/page.ts'
import type { Route } from './route.ts'

/** Each holds a connection and a buffer of 256 kB. */
const MAX_STREAMS = 200
const MAX_STREAMS_PER_TOKEN = 20

type Deps = Readonly<{
  feed: FeedReader
  /** Whether the token still holds. */
  isValid: (of: { tenantId: string; tokenId: string }) => Promise<boolean>
  /** Aborted when the gateway stops. */
  signal: AbortSignal
  log: Logger
}>

const Query = z.strictObject({ after: z.string().min(1).max(64).optional() })

/** `GET /v1/feed`: what happens in the caller's tenant, from now on or from `Last-Event-ID`. */
export function feedRoute(deps: Deps): Route {
  const open = new Map<string, number>()
  const handle = (c: GatewayContext): Response => {
    const { tenantId, tokenId } = c.get('principal')
    const { after } = parseQuery(c, Query)
    const from = c.req.header('last-event-id') ?? after
    const isHead = c.req.method === 'HEAD'
    if (!isHead) take(open, tokenId)
    c.header('content-type', 'text/event-stream; charset=utf-8')
    c.header('x-accel-buffering', 'no')
    if (isHead) return c.body(null)
    return c.body(
      eventStream({
        items: (signal) => deps.feed.follow({ after: from === '' ? undefined : from, signal }),
        isVisible: ({ event }) => event.tenant === tenantId,
        isAllowed: () => deps.isValid({ tenantId, tokenId }),
        signal: deps.signal,
        onEnd: (err) => {
          giveBack(open, tokenId)
          if (err !== undefined) deps.log.warn({ err }, 'a feed broke off; its client comes again')
        },
      }),
    )
  }
  return { method: 'GET', path: '/v1/feed', needs: 'read', handle }
}

function take(open: Map<string, number>, tokenId: string): void {
  const mine = open.get(tokenId) ?? 0
  const all = [...open.values()].reduce((sum, n) => sum + n, 0)
  if (mine >= MAX_STREAMS_PER_TOKEN || all >= MAX_STREAMS) {
    throw new RetryableError('RATE_LIMITED', 'Too many feeds are open; close one first.', {
      retryAfterMs: 5_000,
    })
  }
  open.set(tokenId, mine + 1)
}

function giveBack(open: Map<string, number>, tokenId: string): void {
  const mine = (open.get(tokenId) ?? 1) - 1
  if (mine === 0) open.delete(tokenId)
  else open.set(tokenId, mine)
}
