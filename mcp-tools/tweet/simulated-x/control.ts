import type { IncomingMessage } from 'node:http'

import { isFromThisMachine } from '@chimera/mcp-kit/simulation/from-this-machine'
import { z } from 'zod'

import type { ApiParts } from './api.ts'
import { Control } from './faults.ts'
import { type Answer, forbidden, invalidRequest } from './problems.ts'

/**
 * `GET` and `POST /__control`: how a test or an operator tells this X to fail. Loopback only, and
 * never from a web page: one that rebinds DNS still sends its own Host, and any page its Origin.
 */
export function answerControl({
  request,
  body,
  parts,
}: {
  request: IncomingMessage
  body: unknown
  parts: ApiParts
}): Answer {
  if (!isFromThisMachine(request)) return forbidden('/__control answers on loopback only.')
  if (request.method === 'GET') return { status: 200, body: stateOf(parts) }
  if (request.method !== 'POST') {
    const headers = { allow: 'GET, POST' }
    return { ...invalidRequest('Use GET or POST.'), status: 405, headers }
  }
  const control = Control.safeParse(body)
  if (!control.success) return invalidRequest(z.prettifyError(control.error))
  const { faults, settings, posts } = parts
  try {
    faults.plan(control.data)
  } catch (cause) {
    return invalidRequest(cause instanceof Error ? cause.message : String(cause))
  }
  settings.duplicateCheck = control.data.duplicate_check ?? settings.duplicateCheck
  settings.timelineDelayMs = control.data.timeline_delay_ms ?? settings.timelineDelayMs
  settings.postLimit = control.data.post_limit ?? settings.postLimit
  const { mention } = control.data
  if (mention === undefined) return { status: 200, body: stateOf(parts) }
  const { text, author, in_reply_to: answered } = mention
  const id = parts.nextId()
  const reply = answered === undefined ? {} : { reply: { in_reply_to_tweet_id: answered } }
  posts.addMention({ id, account: author, request: { text, ...reply } })
  return { status: 200, body: { ...stateOf(parts), mention_id: id } }
}

function stateOf({ faults, settings }: ApiParts): Readonly<Record<string, unknown>> {
  return {
    faults: faults.list(),
    duplicate_check: settings.duplicateCheck,
    timeline_delay_ms: settings.timelineDelayMs,
    post_limit: settings.postLimit,
  }
}
