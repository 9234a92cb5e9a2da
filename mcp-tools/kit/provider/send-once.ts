import { request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import type { Socket } from 'node:net'

import type { PreparedRequest, ProviderResponse, Refusal } from './exchange.ts'

/** What became of the one send. `not_sent` is certain: not a byte was handed to the socket. */
export type SendOutcome =
  | Readonly<{ kind: 'not_sent'; refusal: Refusal }>
  | Readonly<{ kind: 'answered'; response: ProviderResponse }>
  | Readonly<{ kind: 'unknown'; detail: string }>

export type SendOptions = Readonly<{
  request: PreparedRequest
  /** For the whole exchange. When it is over the connection is destroyed. */
  deadlineMs: number
  /** Asked in the very step that writes to the socket; a refusal means that nothing leaves. */
  maySend: () => Refusal | undefined
  /** Right before the bytes are handed to the socket; nothing can stop them after it. */
  onSending?: () => void
  /** The system has taken all bytes. */
  onSent?: () => void
}>
export type SendOnce = (options: SendOptions) => Promise<SendOutcome>

/** An answer to one request; more is not read, and the outcome is unknown then. */
const MAX_ANSWER_BYTES = 1_048_576

/**
 * Sends a prepared request at most once (design.md section 12): a fresh connection, no redirects,
 * no retries. Not `fetch`, whose bytes leave on a later turn of the loop than the one that allowed
 * them. Never rejects.
 */
export const sendOnce: SendOnce = async (options) => {
  const { promise, resolve } = Promise.withResolvers<SendOutcome>()
  const url = new URL(options.request.url)
  const isTls = url.protocol === 'https:'
  const outgoing = (isTls ? requestHttps : requestHttp)(url, {
    method: options.request.method,
    headers: options.request.headers,
    // No pool: a kept connection may be closing, and then Node would not know what left.
    agent: false,
  })
  let isWritten = false
  const end = (outcome: SendOutcome): void => {
    clearTimeout(timer)
    resolve(outcome)
    outgoing.destroy()
  }
  const fail = (why: string): void => {
    if (isWritten) end({ kind: 'unknown', detail: `${why} after the request was written.` })
    else {
      const detail = `${why} before anything was written.`
      end({ kind: 'not_sent', refusal: { code: 'UPSTREAM_UNAVAILABLE', detail } })
    }
  }
  const timer = setTimeout(
    () => fail(`The deadline of ${options.deadlineMs} ms passed`),
    options.deadlineMs,
  )
  const startedMs = performance.now()
  const write = (): void => {
    if (outgoing.destroyed) return
    // After a pause of the process this may come before the timer's turn, and the provider's bound
    // counts from the deadline.
    if (performance.now() - startedMs >= options.deadlineMs) return fail('The deadline had passed')
    const refusal = options.maySend()
    if (refusal !== undefined) return end({ kind: 'not_sent', refusal })
    isWritten = true
    options.onSending?.()
    outgoing.end(options.request.body)
  }
  onceConnected({ outgoing, isTls, write })
  outgoing.on('finish', () => options.onSent?.())
  outgoing.on('response', (answer) => {
    readAnswer(answer).then(
      (response) => end({ kind: 'answered', response }),
      (error: unknown) => fail(`The answer broke off (${reasonOf(error)})`),
    )
  })
  outgoing.on('error', (error) => fail(`The connection failed (${reasonOf(error)})`))
  outgoing.on('close', () => fail('The connection closed'))
  return promise
}

function onceConnected(given: {
  outgoing: ClientRequest
  isTls: boolean
  write: () => void
}): void {
  given.outgoing.on('socket', (socket: Socket) => {
    if (given.isTls) socket.once('secureConnect', given.write)
    else if (socket.connecting) socket.once('connect', given.write)
    else given.write()
  })
}

async function readAnswer(answer: IncomingMessage): Promise<ProviderResponse> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer) {
    if (!Buffer.isBuffer(chunk)) throw new Error('it is not made of bytes')
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`it is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  if (!answer.complete) throw new Error('it is not complete')
  return {
    status: answer.statusCode ?? 0,
    headers: answer.headers,
    body: Buffer.concat(chunks),
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message
}
