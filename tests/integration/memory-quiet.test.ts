/** A Weaviate whose gRPC port refuses everybody: one error for who asked, and no other word. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { Server } from 'node:net'
import { join } from 'node:path'

import { newId } from '@chimera/contracts/ids'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import { findRetries, quietRetries } from '@chimera/infra/memory/weaviate/quiet-retries'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { expect, vi } from 'vitest'

import { control, guarantee } from '../guarantee.ts'

/** It prints with its first failure, before it waits; a busy machine may take a while to fail. */
const TIMEOUT_MS = 2_000

function urlOf(server: Server): string {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new TypeError('It has no port.')
  return `http://127.0.0.1:${address.port}`
}

/** As Weaviate 1.39 says what there is: one collection, and its name. */
const ANSWERS: Readonly<Record<string, string>> = {
  '/v1/schema': readFileSync(join(import.meta.dirname, '../fixtures/weaviate-schema.json'), 'utf8'),
  '/v1/aliases': '{"aliases": [{"alias": "AgentMemory", "class": "AgentMemory_v1"}]}',
}

/** HTTP answers, and gRPC does not. */
async function openHalf(): Promise<AsyncDisposable & { url: string; closed: string }> {
  const server = createServer(({ url = '' }, response) => {
    const answer = ANSWERS[url.split('?', 1)[0] ?? ''] ?? '{}'
    response.setHeader('content-type', 'application/json').end(answer)
  })
  const gone = createServer().listen(0, '127.0.0.1')
  server.listen(0, '127.0.0.1')
  await Promise.all([once(server, 'listening'), once(gone, 'listening')])
  const closed = urlOf(gone)
  gone.close()
  await once(gone, 'close')
  return {
    url: urlOf(server),
    closed,
    [Symbol.asyncDispose]: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function expectQuiet(of: {
  afterConnect: (print: (error: unknown) => void) => Promise<void>
}): Promise<void> {
  await using half = await openHalf()
  using said = vi.spyOn(console, 'warn').mockImplementation(() => {})
  await using store = openWeaviateMemory({
    url: half.url,
    grpcUrl: half.closed,
    apiKey: undefined,
    timeoutMs: TIMEOUT_MS,
    embedder: lexicalEmbedder,
  })
  const ask = () => store.recall({ tenantId: newId(), agentId: 'a', question: 'fees', limit: 5 })
  await store.check()
  await of.afterConnect(said)
  await expect(ask()).rejects.toMatchObject({ code: 'UNAVAILABLE', kind: 'retryable' })
  expect(said).not.toHaveBeenCalled()
}

const quiet = { id: 'quiet-retries', title: 'the client of Weaviate prints nothing', n: 1, seed: 1 }
guarantee(quiet, () => expectQuiet({ afterConnect: async () => {} }))

control(
  { guard: 'what is put in place of its printing', test: 'quiet-retries', expect: /not be called/ },
  async () => {
    try {
      await expectQuiet({
        afterConnect: async (print) => {
          const retries = await findRetries()
          if (retries !== undefined) retries['onRetryableError'] = print
        },
      })
    } finally {
      await quietRetries()
    }
  },
)
