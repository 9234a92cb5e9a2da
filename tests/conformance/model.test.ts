/** The door to a model, and the servers that stand in for one: each fault is met as it should. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createOpenAICompatible } from '@ai-sdk/openai-compatible'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import type { PromptPart } from '@chimera/infra/llm/model'
import { openModel } from '@chimera/infra/llm/open-model'
import { embedMany, streamText } from 'ai'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { type ModelProcess, startModel } from '../models/model-process.ts'
import { uncounted } from '../models/uncounted.ts'

const TIMEOUT_MS = 400

let folder: string
let server: ModelProcess
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'model-'))
  server = await startModel({ mind: 'scripted', recordPath: join(folder, 'calls.jsonl') })
})
beforeEach(() => server.tell({ fault: 'none' }))
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const Colour = z.strictObject({ colour: z.enum(['red', 'blue']) })
const PART: PromptPart = {
  title: 'What was seen',
  pointer: { source: 'goal', path: '/text', span: [0, 7] },
  value: 'a </data> red house',
}

/** Nobody's budget: the door alone is tried. */
const ASKED = { tenantId: DEFAULT_TENANT, goalId: 'none' }

async function ask(check?: (value: z.infer<typeof Colour>) => string | undefined) {
  const model = openModel(
    {
      LLM_BASE_URL: server.url,
      LLM_MODEL: 'scripted',
      LLM_API_KEY: 'key-of-test',
      LLM_TIMEOUT_MS: TIMEOUT_MS,
    },
    uncounted,
  )
  if (model === undefined) throw new Error('There is no model.')
  return model.complete({
    instructions: 'Name the colour.',
    parts: [PART],
    schema: Colour,
    asked: ASKED,
    ...(check === undefined ? {} : { check }),
  })
}

const says = (value: unknown) => ({ text: JSON.stringify(value) })
const countOf = (): number => server.calls().length

test('an answer that fits is one call, and the record of it says what went in', async () => {
  await server.tell({ say: [says({ colour: 'red' })] })
  const before = countOf()
  const { value, call } = await ask()
  expect(value).toEqual({ colour: 'red' })
  expect(call).toMatchObject({
    model: expect.stringMatching(/^127\.0\.0\.1:\d+\/scripted$/),
    prompt_hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    sources: [PART.pointer],
    output: { colour: 'red' },
  })
  const calls = server.calls().slice(before)
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject({ outcome: 'accepted', account: 'key:test' })
  // No part of a prompt can end its own quotation.
  expect(JSON.stringify(calls[0]?.body).match(/<\/data>/g)).toHaveLength(2)
})

test.each([
  ['is no JSON', { text: '{"colour": ' }],
  ['does not fit the schema', says({ colour: 'green' })],
])('an answer that %s gets one repair turn, which is told why', async (_what, first) => {
  await server.tell({ say: [first, says({ colour: 'blue' })] })
  const before = countOf()
  expect((await ask()).value).toEqual({ colour: 'blue' })
  const calls = server.calls().slice(before)
  expect(calls).toHaveLength(2)
  expect(JSON.stringify(calls[1]?.body)).toContain('That does not fit')
})

test('what the schema cannot say is checked, and repaired, too', async () => {
  await server.tell({ say: [says({ colour: 'red' }), says({ colour: 'blue' })] })
  const check = ({ colour }: { colour: string }) =>
    colour === 'red' ? 'it is not red.' : undefined
  expect((await ask(check)).value).toEqual({ colour: 'blue' })
})

test.each([
  ['503', { fault: '503' }, 'MODEL_UNAVAILABLE', 1],
  ['429', { fault: '429', retry_after_s: 7 }, 'MODEL_RATE_LIMITED', 1],
  ['hang', { fault: 'hang' }, 'MODEL_UNAVAILABLE', 1],
  ['cut', { fault: 'cut' }, 'MODEL_UNAVAILABLE', 1],
  ['bad JSON, twice', { fault: 'bad_json', times: 2 }, 'MODEL_OUTPUT_INVALID', 2],
] as const)('%s is told apart, and never tried again here', async (_what, fault, code, calls) => {
  await server.tell(fault)
  const before = countOf()
  const error = await ask().catch((cause: unknown) => cause)
  expect(error).toMatchObject({
    code,
    kind: 'retryable',
    ...(code === 'MODEL_RATE_LIMITED' ? { retryAfterMs: 7_000 } : {}),
  })
  expect(countOf() - before).toBe(calls)
})

test('a prompt that is too long is refused before it is sent', async () => {
  const model = openModel(
    {
      LLM_BASE_URL: server.url,
      LLM_MODEL: 'scripted',
      LLM_TIMEOUT_MS: TIMEOUT_MS,
    },
    uncounted,
  )
  const before = countOf()
  const parts = [{ ...PART, value: 'x'.repeat(200_000) }]
  const long = { instructions: '', parts, schema: Colour, asked: ASKED }
  await expect(model?.complete(long)).rejects.toMatchObject({ code: 'MODEL_INPUT_TOO_LONG' })
  expect(countOf()).toBe(before)
})

test('a budget that was forgotten does not compile', () => {
  // @ts-expect-error The door has a second parameter, and no default for it.
  const forgetful: (config: Parameters<typeof openModel>[0]) => unknown = openModel
  expect(forgetful).toHaveLength(2)
})

test('without a server there is no model, and a server without a model is a fault', () => {
  expect(openModel({ LLM_TIMEOUT_MS: TIMEOUT_MS }, uncounted)).toBeUndefined()
  expect(() =>
    openModel({ LLM_BASE_URL: server.url, LLM_TIMEOUT_MS: TIMEOUT_MS }, uncounted),
  ).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }))
})

test('the stand-in speaks the rest of the protocol: streams, tools, embeddings', async () => {
  const provider = createOpenAICompatible({ name: 'raw', baseURL: server.url })
  const model = provider.chatModel('scripted')
  const told = 'a text that is longer than one piece of a stream'
  await server.tell({ say: [{ text: told }, { tool: 'look', args: { at: 'the sky' } }] })
  expect(await streamText({ model, prompt: 'speak', maxRetries: 0 }).text).toBe(told)
  const said = await fetch(`${server.url}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'scripted', messages: [{ role: 'user', content: 'look' }] }),
  })
  const call = { name: 'look', arguments: '{"at":"the sky"}' }
  expect(await said.json()).toMatchObject({
    choices: [{ finish_reason: 'tool_calls', message: { tool_calls: [{ function: call }] } }],
  })

  const { embeddings } = await embedMany({
    model: provider.embeddingModel('scripted'),
    values: ['a red house', 'the red house', 'nothing of it'],
  })
  const near = (left: number, right: number): number =>
    (embeddings[left] ?? []).reduce((sum, x, at) => sum + x * (embeddings[right]?.[at] ?? 0), 0)
  expect(near(0, 1)).toBeGreaterThan(near(0, 2))

  await server.tell({ fault: 'cut' })
  const cut = streamText({ model, prompt: 'speak', maxRetries: 0, onError: () => undefined })
  await expect(cut.text).rejects.toThrow(/./)
})
