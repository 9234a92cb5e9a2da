import { canonicalHash } from '@chimera/contracts/canonical'
import type { Config } from '@chimera/contracts/config'
import { RetryableError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { ConfigError } from '@chimera/runtime/config'
import type { z } from 'zod'

import { faultOfModel } from './model-fault.ts'
import type { Answer, Ask, Model } from './model.ts'
import { firstTurn, repairTurns, type Turn, withQuoting } from './prompt.ts'

/** What one answer may be long: a tweet, a plan, a page of findings. */
const MAX_OUTPUT_TOKENS = 4_096
/** A part of a fault that is told to the model. */
const MAX_FAULT = 1_000

/**
 * The model of this environment, or undefined when there is none: then everything goes by rule.
 * The SDK is loaded here and not before, for it costs 100 ms and 30 MB. Throws ConfigError when a
 * server is named without a model.
 */
export async function openModel(config: Config<'llm'>): Promise<Model | undefined> {
  const { LLM_BASE_URL: baseURL, LLM_MODEL: id, LLM_API_KEY: apiKey } = config
  if (baseURL === undefined) return undefined
  if (id === undefined) {
    throw new ConfigError([{ pointer: 'LLM_MODEL', detail: 'is not set, but LLM_BASE_URL is' }])
  }
  const { generateText, Output } = await import('ai')
  const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
  const provider = createOpenAICompatible({
    name: 'llm',
    baseURL,
    supportsStructuredOutputs: true,
    ...(apiKey === undefined ? {} : { apiKey }),
  })
  const name = `${hostOf(baseURL)}/${id}`

  /** What the model said, and the value when it fitted; `text` is there either way. */
  const say: Say = async ({ ask, turns }) => {
    const timeout = AbortSignal.timeout(config.LLM_TIMEOUT_MS)
    try {
      const { text, output } = await generateText({
        model: provider.chatModel(id),
        instructions: withQuoting(ask.instructions),
        messages: [...turns],
        output: Output.object({ schema: ask.schema }),
        providerOptions: { llm: { strictJsonSchema: false } },
        temperature: 0,
        maxOutputTokens: MAX_OUTPUT_TOKENS,
        maxRetries: 0,
        abortSignal: ask.signal === undefined ? timeout : AbortSignal.any([ask.signal, timeout]),
      })
      return { text, value: output }
    } catch (error) {
      ask.signal?.throwIfAborted()
      return faultOfModel(name, error)
    }
  }
  return { name, complete: (ask) => complete(name, say, ask) }
}

type Said<T> = Readonly<{ text: string } & ({ value: T } | { fault: string })>
type Say = <T>(of: { ask: Ask<T>; turns: readonly Turn[] }) => Promise<Said<T>>

async function complete<T>(name: string, say: Say, ask: Ask<T>): Promise<Answer<T>> {
  const turns: Turn[] = [firstTurn(ask.parts)]
  let said = checked(ask, await say({ ask, turns }))
  if ('fault' in said) {
    turns.push(...repairTurns(said.text, said.fault))
    said = checked(ask, await say({ ask, turns }))
  }
  if ('fault' in said) {
    const message = `${name} answered twice what does not fit: ${said.fault}`
    throw new RetryableError('MODEL_OUTPUT_INVALID', message)
  }
  const { value } = said
  const call = {
    id: newId(),
    model: name,
    prompt_hash: canonicalHash({ v: 1, instructions: ask.instructions, turns }),
    sources: ask.parts.map(({ pointer }) => pointer),
    output: value,
  }
  return { value, call }
}

/** The schema once more, for not every server heeds it, and what it cannot say. */
function checked<T>(ask: Ask<T>, said: Said<T>): Said<T> {
  if ('fault' in said) return said
  const parsed = ask.schema.safeParse(said.value)
  if (!parsed.success) return { text: said.text, fault: faultOf(parsed.error) }
  const fault = ask.check?.(parsed.data)
  return fault === undefined ? { text: said.text, value: parsed.data } : { text: said.text, fault }
}

const faultOf = (error: z.ZodError): string =>
  error.issues
    .map(({ path, message }) => `/${path.join('/')} ${message};`)
    .join(' ')
    .slice(0, MAX_FAULT)

const hostOf = (url: string): string => URL.parse(url)?.host ?? 'model'
