import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

import { isFromThisMachine } from '@chimera/mcp-kit/simulation/from-this-machine'
import { readBody } from '@chimera/mcp-kit/simulation/read-body'
import { openRequestRecord, type RequestRecord } from '@chimera/mcp-kit/simulation/request-record'
import { z } from 'zod'

import { isMessagesPath, messageEvents, messageOf } from './anthropic.ts'
import { ChatRequest, completion, events, type Mind, type Step, textsOf } from './chat.ts'
import { EmbeddingRequest, embeddings } from './embed.ts'
import { fail, type Note, reply } from './failing/fail.ts'
import type { Dialect } from './failing/refusals.ts'
import { Control, type Faults, openFaults } from './faults.ts'

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
  const note: Note = (outcome, status) =>
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
    const asked = chat.data ?? { model: '', messages: [], stream: false }
    fail(response, { fault, note, request: asked, dialect: dialectOf(path) })
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

const dialectOf = (path: string): Dialect => (isMessagesPath(path) ? 'anthropic' : 'openai')

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
  const isAnthropic = dialectOf(path) === 'anthropic'
  if (chat.data.stream) {
    return { status: 200, events: isAnthropic ? messageEvents(said) : events(said) }
  }
  return { status: 200, body: isAnthropic ? messageOf(said) : completion(said) }
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

/** Who asked, without the key: the last four characters tell one key from another. */
function accountOf({ headers }: IncomingMessage): string {
  const key = headers.authorization ?? headers['x-api-key']
  return typeof key === 'string' ? `key:${key.slice(-4)}` : 'nobody'
}
