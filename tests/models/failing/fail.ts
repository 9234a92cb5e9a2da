import type { ServerResponse } from 'node:http'

import { messageEvents, messageOf } from '../anthropic.ts'
import { type ChatRequest, completion, events } from '../chat.ts'
import type { PlannedFault } from '../faults.ts'
import { type Dialect, isRefusal, refusalEvent, refusalOf } from './refusals.ts'

/** What was done with a request, for the record; before it is answered. */
export type Note = (outcome: 'accepted' | 'refused' | 'cut' | 'hung', status: number | null) => void

const CUT_AFTER_MS = 50
const NO_JSON = '{"this is": no JSON'
const BEGUN = '{"colour":"r'
const EVENTS = { 'content-type': 'text/event-stream' }

/** Answers a request with a fault, in the words of whose protocol it speaks. */
export function fail(
  response: ServerResponse,
  of: { fault: PlannedFault; note: Note; request: ChatRequest; dialect: Dialect },
): void {
  const { note, request, dialect } = of
  const { fault, retryAfterS } = of.fault
  const isAnthropic = dialect === 'anthropic'
  const eventsOf = (text: string): string[] => {
    const said = { id: '1', request, step: { text } }
    return isAnthropic ? messageEvents(said) : events(said)
  }
  if (isRefusal(fault)) {
    const { status, body } = refusalOf(fault, dialect)
    note('refused', status)
    if (retryAfterS !== undefined) response.setHeader('retry-after', retryAfterS)
    reply(response, status, body)
    return
  }
  switch (fault) {
    case 'hang':
      note('hung', null)
      return
    case 'cut':
      note('cut', 200)
      if (request.stream) response.writeHead(200, EVENTS)
      else {
        const length = { 'content-length': '4096' }
        response.writeHead(200, { 'content-type': 'application/json', ...length })
      }
      response.write(request.stream ? 'data: {"id":"1","choices":[{"ind' : '{"id":"1","cho')
      setImmediate(() => response.socket?.destroy())
      return
    case 'error_event':
      note('refused', 200)
      response.writeHead(200, EVENTS)
      response.end(refusalEvent('503', dialect))
      return
    case 'bad_json': {
      note('accepted', 200)
      const said = { id: 'chatcmpl-1', request, step: { text: NO_JSON } }
      reply(response, 200, isAnthropic ? messageOf(said) : completion(said))
      return
    }
    case 'cut_late':
      note('cut', 200)
      response.writeHead(200, EVENTS)
      // Without the end: for Anthropic's the end of the piece, of the turn and of the message.
      for (const event of eventsOf(BEGUN).slice(0, isAnthropic ? 3 : 2)) response.write(event)
      // What was written has to arrive first: the listener has seen words, and then nothing.
      setTimeout(() => response.socket?.destroy(), CUT_AFTER_MS)
  }
}

/** Sends a body of JSON. */
export function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}
