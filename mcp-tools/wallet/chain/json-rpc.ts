import { RetryableError } from '@chimera/contracts/errors'
import { z } from 'zod'

/** One question to a node. */
export type RpcCall = Readonly<{ method: string; params: readonly unknown[] }>

/** A node's own word that it will not, beside what it answers. */
export type RpcFault = Readonly<{ code: number; message: string }>
export type RpcAnswer = Readonly<{ result: unknown }> | Readonly<{ fault: RpcFault }>

/** Reads of one node. Nothing is ever sent by this: transactions go through the kit's send-once. */
export type JsonRpc = Readonly<{
  /** All questions in one request, so that one and the same node answers them. */
  batch: (calls: readonly RpcCall[], signal?: AbortSignal) => Promise<RpcAnswer[]>
}>

const Fault = z.object({ code: z.int(), message: z.string() })
export const RpcReply = z.union([
  z.object({ id: z.unknown(), error: Fault }),
  z.object({ id: z.unknown(), result: z.unknown() }),
])

const READ_MS = 5_000
const MAX_ANSWER_BYTES = 4 * 1_048_576
const MAX_MESSAGE = 300

/** Throws RetryableError UPSTREAM_UNAVAILABLE when the node does not answer all of it in time. */
export function openJsonRpc(options: { url: string; readMs?: number }): JsonRpc {
  const { url, readMs = READ_MS } = options
  return {
    batch: async (calls, signal) => {
      const deadline = AbortSignal.timeout(readMs)
      const body = calls.map((call, id) => ({ jsonrpc: '2.0', id, ...call }))
      const replies = await ask({
        url,
        body: JSON.stringify(body),
        signal: signal === undefined ? deadline : AbortSignal.any([signal, deadline]),
      })
      const byId = new Map(replies.map((reply) => [reply.id, reply]))
      return calls.map((call, id) => {
        const reply = byId.get(id)
        if (reply === undefined) throw unavailable(`it left out ${call.method}`)
        return 'error' in reply ? { fault: faultOf(reply.error) } : { result: reply.result }
      })
    },
  }
}

async function ask(given: { url: string; body: string; signal: AbortSignal }) {
  const { url, body, signal } = given
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      signal,
      redirect: 'error',
    })
    const text = await response.text()
    if (text.length > MAX_ANSWER_BYTES) throw unavailable('its answer is too long')
    if (!response.ok) throw unavailable(`it answered ${response.status}`)
    return z.array(RpcReply).parse(JSON.parse(text))
  } catch (cause) {
    if (cause instanceof RetryableError) throw cause
    throw unavailable(reasonOf(cause))
  }
}

/** The URL may hold a key of the operator's and is never named. */
function unavailable(why: string): RetryableError {
  // Not the cause itself: its message may hold the URL.
  return new RetryableError('UPSTREAM_UNAVAILABLE', `The node of the chain cannot be read: ${why}.`)
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError || cause instanceof SyntaxError)
    return 'its answer is no JSON-RPC'
  if (cause instanceof Error && cause.name === 'TimeoutError') return 'it took too long'
  return 'it was not reached'
}

function faultOf({ code, message }: z.infer<typeof Fault>): RpcFault {
  return { code, message: plain(message).slice(0, MAX_MESSAGE) }
}

/** Outside text: no control characters, so that no reader's terminal obeys it. */
export function plain(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}]/gu, ' ')
}
