import { canonicalHash } from '@chimera/contracts/canonical'
import type { Config } from '@chimera/contracts/config'
import { RetryableError } from '@chimera/contracts/errors'
import { newId } from '@chimera/contracts/ids'
import { ConfigError } from '@chimera/runtime/config'
import type { z } from 'zod'

import type { ModelBudget, MostUsed } from './model-budget.ts'
import { faultOfModel } from './model-fault.ts'
import type { Answer, Ask, Model } from './model.ts'
import { firstTurn, repairTurns, type Turn, withQuoting } from './prompt.ts'
import { usageIn, usedByFailure } from './used-by-failure.ts'

/** What one answer may be long: a tweet, a plan, a page of findings. */
const MAX_OUTPUT_TOKENS = 4_096
/** Roles, the schema of the answer, and what a server adds of its own. */
const FRAME_TOKENS = 4_096
/** A part of a fault that is told to the model. */
const MAX_FAULT = 1_000

/**
 * The model of this environment, or undefined when there is none: then everything goes by rule.
 * The SDK is loaded here and not before, for it costs 100 ms and 30 MB. Throws ConfigError when a
 * server is named without a model. Every request is reserved in the `budget` before it is sent, and
 * settled in full unless the server says what it used, or nothing can have been spent.
 */
export async function openModel(
  config: Omit<Config<'llm'>, 'LLM_INPUT_USD_PER_MILLION' | 'LLM_OUTPUT_USD_PER_MILLION'>,
  budget: ModelBudget,
): Promise<Model | undefined> {
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

  const request = async <T>(ask: Ask<T>, turns: readonly Turn[]) => {
    const timeout = AbortSignal.timeout(config.LLM_TIMEOUT_MS)
    const { text, output, usage } = await generateText({
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
    return { text, value: output, used: usageIn(usage) }
  }

  /** What the model said, and the value when it fitted; `text` is there either way. */
  const say: Say = async ({ ask, turns }) => {
    const paid = await budget.reserve({ asked: ask.asked, model: name, most: mostOf(ask, turns) })
    let said
    try {
      said = await request(ask, turns)
    } catch (error) {
      const used = usedByFailure(error)
      await (used === 'nothing' ? paid.refused() : paid.answered(used))
      ask.signal?.throwIfAborted()
      return faultOfModel(name, error)
    }
    // Outside of what is caught: a record that cannot be reached says nothing of the model.
    await paid.answered(said.used)
    return { text: said.text, value: said.value }
  }
  return { name, complete: (ask) => complete(name, say, ask) }
}

/**
 * What a request can take at most: a token is a byte at least, and the schema goes with the prompt.
 */
function mostOf<T>(ask: Ask<T>, turns: readonly Turn[]): MostUsed {
  const words = [withQuoting(ask.instructions), ...turns.map(({ content }) => content)].join('')
  return { input: Buffer.byteLength(words) + FRAME_TOKENS, output: MAX_OUTPUT_TOKENS }
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
