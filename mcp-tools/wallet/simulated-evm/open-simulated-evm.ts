import type { IncomingMessage, ServerResponse } from 'node:http'

import { deliver, openDoor } from '@chimera/mcp-kit/simulation/open-door'
import { openRequestRecord, type RequestRecord } from '@chimera/mcp-kit/simulation/request-record'
import { z } from 'zod'

import { answerRequest, type Answer, type EvmParts } from './answer-request.ts'
import { openAnvil } from './anvil-process.ts'
import { furnish, replay } from './chain-state.ts'
import { Faucet, openFaucet } from './faucet.ts'
import { openFaults } from './faults.ts'

/** A running simulated chain. */
export type SimulatedEvm = AsyncDisposable &
  Readonly<{
    /** For `SIMULATED_EVM_URL`. */
    url: string
    /** Resolves when anvil has died under it. */
    ended: Promise<void>
  }>

/** The longest transaction here has 256 bytes; a batch of reads is longer. */
const MAX_BODY_BYTES = 1_048_576

/**
 * Starts a chain of our own: anvil behind a door that writes down every broadcast before it is
 * answered, and fails as it is told by `POST /__control`. The record is the truth: a new life on it
 * is brought to where the earlier ones were. `port` 0 takes a free one.
 */
export async function openSimulatedEvm(options: {
  port: number
  recordPath: string
  binary: string
}): Promise<SimulatedEvm> {
  await using stack = new AsyncDisposableStack()
  const record = stack.use(openRequestRecord(options.recordPath))
  const anvil = stack.use(await openAnvil({ binary: options.binary }))
  await furnish(anvil)
  const faucet = openFaucet(anvil)
  for (const body of faucetsOf(record)) await faucet.give(body)
  await replay(anvil, rawsOf(record))
  const parts: EvmParts = {
    anvil,
    record,
    faucet,
    faults: openFaults(),
    settings: { delayMs: 0, isPriceTold: false },
    takenAt: new Map(),
    turn: Promise.resolve(),
  }
  const { url } = stack.use(
    await openDoor({
      host: '127.0.0.1',
      port: options.port,
      serve: async (request, response) => serve(request, response, parts),
    }),
  )
  const running = stack.move()
  return {
    url,
    ended: anvil.ended,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

const Raw = z.object({ params: z.tuple([z.string()]) })

function rawsOf({ restored }: RequestRecord): string[] {
  return restored
    .filter(({ path, outcome }) => path === '/' && outcome !== 'refused')
    .map(({ body }) => Raw.parse(body).params[0])
}

function faucetsOf({ restored }: RequestRecord): Faucet[] {
  return restored.filter(({ path }) => path === '/__faucet').map(({ body }) => Faucet.parse(body))
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  parts: EvmParts,
): Promise<void> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    if (!Buffer.isBuffer(chunk)) continue
    size += chunk.length
    if (size <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  const { headers, method = 'GET', url: path = '/' } = request
  if (headers.origin !== undefined) return send(response, { status: 403, body: {} })
  const answer = await answerRequest(
    { method, path, text: Buffer.concat(chunks).toString('utf8'), receivedAtMs: Date.now() },
    parts,
  )
  if (typeof answer === 'object') return send(response, answer)
  return deliver(request, answer, () => undefined)
}

function send(response: ServerResponse, { status, body }: Answer): void {
  const bytes = Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': String(bytes.length),
    ...(status === 429 ? { 'retry-after': '1' } : {}),
  })
  response.end(bytes)
}
