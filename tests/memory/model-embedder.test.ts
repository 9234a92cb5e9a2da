/** Vectors of a model, asked of a server as Ollama and others are. */
import { createServer, type Server } from 'node:http'

import { modelEmbedder } from '@chimera/infra/memory/embedding/model-embedder'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

const Asked = z.object({ model: z.string(), input: z.array(z.string()) })

let server: Server
let baseUrl = ''
/** What is answered instead of vectors. */
let instead: { status: number; body: string } | undefined
let keys: (string | undefined)[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    keys.push(request.headers.authorization)
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const { input } = Asked.parse(JSON.parse(Buffer.concat(chunks).toString()))
      const data = input.map((text, index) => ({ index, embedding: [text.length, 0, 0] }))
      response.statusCode = instead?.status ?? 200
      response.end(instead?.body ?? JSON.stringify({ data: data.toReversed() }))
    })
  })
  const { promise, resolve } = Promise.withResolvers<void>()
  server.listen(0, '127.0.0.1', resolve)
  await promise
  const address = server.address()
  baseUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1/`
})
afterAll(() => server.close())

const embedder = (of: { apiKey?: string; baseUrl?: string } = {}) =>
  modelEmbedder({
    baseUrl: of.baseUrl ?? baseUrl,
    model: 'nomic',
    version: '2',
    apiKey: of.apiKey,
    timeoutMs: 2_000,
  })

test('texts become vectors of length 1 in their order, however many there are', async () => {
  keys = []
  const texts = Array.from({ length: 130 }, (_, n) => 'x'.repeat(n + 1))
  const vectors = await embedder({ apiKey: 'k'.repeat(16) }).embed(texts)
  expect(vectors).toHaveLength(130)
  expect(vectors.every((vector) => vector[0] === 1)).toBe(true)
  expect(keys).toEqual(Array.from({ length: 3 }, () => `Bearer ${'k'.repeat(16)}`))
  expect(embedder().name).toBe('nomic@2')
})

test.each([
  [{ status: 200, body: '{"data": []}' }, 'EMBEDDER_FAILED'],
  [{ status: 401, body: '{}' }, 'EMBEDDER_FAILED'],
  [{ status: 429, body: '{}' }, 'UNAVAILABLE'],
  [{ status: 503, body: '{}' }, 'UNAVAILABLE'],
  [{ status: 200, body: 'no JSON' }, 'UNAVAILABLE'],
])('%o is told as %s', async (answer, code) => {
  instead = answer
  await expect(embedder().embed(['a'])).rejects.toMatchObject({ code })
  instead = undefined
})

test('a server that is away is told so', async () => {
  const away = embedder({ baseUrl: 'http://127.0.0.1:9/v1' })
  await expect(away.embed(['a'])).rejects.toMatchObject({ code: 'UNAVAILABLE' })
})
