import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { isFromThisMachine } from '@chimera/mcp-kit/simulation/from-this-machine'
import { readBody } from '@chimera/mcp-kit/simulation/read-body'
import { openRequestRecord, type RequestRecord } from '@chimera/mcp-kit/simulation/request-record'
import { z } from 'zod'

import { isMessagesPath, messageOf } from './anthropic.ts'
import { ChatRequest, completion, events, type Mind, type Step, textsOf } from './chat.ts'
import { EmbeddingRequest, embeddings } from './embed.ts'
import { Control, type Faults, openFaults, type PlannedFault } from './faults.ts'

/** A prompt of 96,000 characters as JSON fits many times. */
const MAX_BODY_BYTES = 2 * 1_024 * 1_024

/** A running model. */
export type ModelServer = AsyncDisposable &
  Readonly<{
    /** For `LLM_BASE_URL`. */
    url: string
    /** For `POST /__control`. */
    control: string
  }>

type Queued = Readonly<{ step: Step; model: string | undefined }>

type Parts = Readonly<{
  mind: Mind
  record: RequestRecord
  faults: Faults
  /** Answers that come before the mind's own. */
  queue: Queued[]
  host: string
}>

/**
 * Starts an OpenAI-compatible server whose answers a `mind` gives: `/v1/models`,
 * `/v1/chat/completions` as JSON or as a stream, with tools, and `/v1/embeddings`. Every request is
 * a line of the append-only record before it is answered; `POST /__control` makes it fail.
 */
export async function openModelServer(options: {
  port: number
  recordPath: string
  mind: Mind
}): Promise<ModelServer> {
  const { port, recordPath, mind } = options
  await using stack = new AsyncDisposableStack()
  const record = stack.use(openRequestRecord(recordPath))
  const host = '127.0.0.1'
  const parts: Parts = { mind, record, faults: openFaults(), queue: [], host }
  const server = createServer((request, response) => {
    serve(request, response, parts).catch((cause: unknown) => {
      response.destroy(cause instanceof Error ? cause : new Error(String(cause)))
    })
  })
  server.listen(port, host)
  await once(server, 'listening')
  stack.defer(async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  })
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('It has no port.')
  const base = `http://${host}:${address.port}`
  const open = stack.move()
  return {
    url: `${base}/v1`,
    control: `${base}/__control`,
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: Parts,
): Promise<void> {
  const receivedAtMs = Date.now()
  const path = new URL(request.url ?? '/', 'http://model').pathname
  const body = await readBody(request, MAX_BODY_BYTES)
  const value = body.kind === 'json' ? body.value : null
  if (path === '/__control') {
    control(request, response, { value, parts })
    return
  }
  const note = (outcome: 'accepted' | 'refused' | 'cut' | 'hung', status: number | null): void =>
    parts.record.append({
      receivedAtMs,
      account: accountOf(request),
      method: request.method ?? 'GET',
      path,
      body: value,
      outcome,
      status,
    })
  const chat = ChatRequest.safeParse(value)
  const fault = parts.faults.take({
    model: chat.success ? chat.data.model : '',
    text: chat.success ? textsOf(chat.data).join('\n') : '',
  })
  if (fault !== undefined) {
    fail(response, { fault, note, isStream: chat.success && chat.data.stream })
    return
  }
  const answer = answerOf(path, value, parts)
  note(answer.status === 200 ? 'accepted' : 'refused', answer.status)
  if ('events' in answer) {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    for (const event of answer.events) response.write(event)
    response.end()
    return
  }
  reply(response, answer.status, answer.body)
}

type Answer =
  | Readonly<{ status: number; body: object }>
  | Readonly<{ status: 200; events: readonly string[] }>

function answerOf(path: string, value: unknown, { mind, queue }: Parts): Answer {
  if (path === '/v1/models') {
    return { status: 200, body: { object: 'list', data: [{ id: 'scripted', object: 'model' }] } }
  }
  if (path === '/v1/embeddings') {
    const asked = EmbeddingRequest.safeParse(value)
    return asked.success
      ? { status: 200, body: embeddings(asked.data) }
      : refusal(400, z.prettifyError(asked.error))
  }
  if (path !== '/v1/chat/completions' && !isMessagesPath(path))
    return refusal(404, `There is nothing at ${path}.`)
  const chat = ChatRequest.safeParse(value)
  if (!chat.success) return refusal(400, z.prettifyError(chat.error))
  const { model } = chat.data
  const at = queue.findIndex((each) => each.model === undefined || each.model === model)
  const step = (at === -1 ? undefined : queue.splice(at, 1)[0]?.step) ?? mind(chat.data)
  const said = { id: 'chatcmpl-1', request: chat.data, step }
  if (isMessagesPath(path)) return { status: 200, body: messageOf(said) }
  return chat.data.stream
    ? { status: 200, events: events(said) }
    : { status: 200, body: completion(said) }
}

const CUT_AFTER_MS = 50

/** As providers word them: OpenAI for the most part, and Anthropic of an account that is empty. */
const REFUSALS = {
  '401': { status: 401, message: 'Incorrect API key provided.', code: 'invalid_api_key' },
  '402': { status: 402, message: 'Your credit balance is too low.' },
  '429': { status: 429, message: 'told to fail' },
  '503': { status: 503, message: 'told to fail' },
  usage_limit: { status: 429, message: 'Pay first.', code: 'insufficient_quota' },
  too_long: {
    status: 400,
    message: "This model's maximum context length is 8192 tokens.",
    code: 'context_length_exceeded',
  },
  filtered: { status: 400, message: 'Refused.', code: 'content_filter' },
} as const

function fail(
  response: ServerResponse,
  of: {
    fault: PlannedFault
    note: (outcome: 'accepted' | 'refused' | 'cut' | 'hung', status: number | null) => void
    isStream: boolean
  },
): void {
  const { fault, note, isStream } = of
  switch (fault.fault) {
    case '401':
    case '402':
    case '429':
    case '503':
    case 'usage_limit':
    case 'too_long':
    case 'filtered': {
      const { status, ...error } = REFUSALS[fault.fault]
      note('refused', status)
      if (fault.retryAfterS !== undefined) response.setHeader('retry-after', fault.retryAfterS)
      reply(response, status, { error })
      return
    }
    case 'hang':
      note('hung', null)
      return
    case 'cut':
      note('cut', 200)
      response.writeHead(200, {
        'content-type': isStream ? 'text/event-stream' : 'application/json',
        ...(isStream ? {} : { 'content-length': '4096' }),
      })
      response.write(isStream ? 'data: {"id":"1","choices":[{"ind' : '{"id":"1","cho')
      setImmediate(() => response.socket?.destroy())
      return
    case 'bad_json': {
      note('accepted', 200)
      const text = '{"this is": no JSON'
      const request = {
        model: 'scripted',
        messages: [{ role: 'user', content: '' }],
        stream: false,
      }
      reply(response, 200, completion({ id: 'chatcmpl-1', request, step: { text } }))
      return
    }
    case 'cut_late': {
      note('cut', 200)
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const request = { model: 'scripted', messages: [{ role: 'user', content: '' }], stream: true }
      const begun = events({ id: '1', request, step: { text: '{"colour":"r' } }).slice(0, 2)
      for (const event of begun) response.write(event)
      // What was written has to arrive first: the listener has seen words, and then nothing.
      setTimeout(() => response.socket?.destroy(), CUT_AFTER_MS)
    }
  }
}

function control(
  request: IncomingMessage,
  response: ServerResponse,
  { value, parts }: { value: unknown; parts: Parts },
): void {
  if (!isFromThisMachine(request)) {
    reply(response, 403, refusal(403, '/__control answers on loopback only.').body)
    return
  }
  const asked = Control.safeParse(value ?? {})
  if (!asked.success) {
    reply(response, 400, refusal(400, z.prettifyError(asked.error)).body)
    return
  }
  parts.faults.plan(asked.data)
  const { model } = asked.data
  parts.queue.push(...(asked.data.say ?? []).map((step) => ({ step, model })))
  reply(response, 200, { faults: parts.faults.list(), queued: parts.queue.length })
}

const refusal = (status: number, message: string) => ({ status, body: { error: { message } } })

function reply(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify(body))
}

/** Who asked, without the key: the last four characters tell one key from another. */
function accountOf({ headers }: IncomingMessage): string {
  const key = headers.authorization ?? headers['x-api-key']
  return typeof key === 'string' ? `key:${key.slice(-4)}` : 'nobody'
}
