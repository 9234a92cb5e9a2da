import { RetryableError, TerminalError } from '@chimera/contracts/errors'
import { z } from 'zod'

import { type Embedder, toUnitLength } from './embedder.ts'

/** Texts of one request: servers refuse more than they take at once. */
const MAX_TEXTS = 64
const MAX_PLACES = 4_096

const Answer = z.object({
  data: z.array(
    z.object({
      index: z.int().nonnegative(),
      embedding: z.array(z.number()).min(1).max(MAX_PLACES),
    }),
  ),
})

/** Vectors by a model behind an OpenAI-compatible `/embeddings`, Ollama's included. */
export function modelEmbedder(of: {
  baseUrl: string
  model: string
  version: string
  apiKey: string | undefined
  timeoutMs: number
}): Embedder {
  const { model } = of
  const url = `${of.baseUrl.replace(/\/+$/, '')}/embeddings`
  const ask = async (input: readonly string[]): Promise<Float32Array[]> => {
    const response = await request(url, { ...of, body: { model, input, encoding_format: 'float' } })
    const answer = Answer.safeParse(response)
    if (!answer.success || answer.data.data.length !== input.length) {
      throw new TerminalError('EMBEDDER_FAILED', `${model} answered something that is no vectors.`)
    }
    const inOrder = answer.data.data.toSorted((a, b) => a.index - b.index)
    return inOrder.map(({ embedding }) => toUnitLength(Float32Array.from(embedding)))
  }
  return {
    name: `${model}@${of.version}`,
    embed: async (texts) => {
      const vectors: Float32Array[] = []
      for (let from = 0; from < texts.length; from += MAX_TEXTS) {
        vectors.push(...(await ask(texts.slice(from, from + MAX_TEXTS))))
      }
      return vectors
    },
  }
}

async function request(
  url: string,
  of: { model: string; apiKey: string | undefined; timeoutMs: number; body: unknown },
): Promise<unknown> {
  const key = of.apiKey === undefined ? {} : { authorization: `Bearer ${of.apiKey}` }
  const away = (why: string, cause?: unknown): never => {
    const message = `The embedder ${of.model} ${why}.`
    throw new RetryableError('UNAVAILABLE', message, { cause })
  }
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...key },
      body: JSON.stringify(of.body),
      signal: AbortSignal.timeout(of.timeoutMs),
    })
    if (response.ok) return await response.json()
    if (response.status === 429 || response.status >= 500) away(`answers ${response.status}`)
    throw new TerminalError('EMBEDDER_FAILED', `${of.model} refuses: HTTP ${response.status}.`)
  } catch (error) {
    if (error instanceof TerminalError || error instanceof RetryableError) throw error
    return away('does not answer', error)
  }
}
