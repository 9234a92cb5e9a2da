import type { LanguageModel } from 'ai'

import type { Tier } from './tier.ts'

/** A model as the SDK has it, and what its provider is told with every request. */
export type SdkModel = Readonly<{
  model: LanguageModel
  providerOptions: Record<string, Record<string, boolean>>
}>

/** The provider's name in the SDK for every server that speaks OpenAI's protocol. */
const COMPATIBLE = 'llm'

/**
 * Loads the provider of a tier, and no other: each is some megabytes that a process without it does
 * without. The house checks answers against their schema itself, so none has to be strict.
 */
export async function openSdk(tier: Tier): Promise<SdkModel> {
  const { provider, baseUrl, key, model } = tier
  const at = {
    ...(baseUrl === undefined ? {} : { baseURL: baseUrl }),
    ...(key === undefined ? {} : { apiKey: key }),
  }
  switch (provider) {
    case 'anthropic': {
      const { createAnthropic } = await import('@ai-sdk/anthropic')
      return { model: createAnthropic(at)(model), providerOptions: {} }
    }
    case 'openai': {
      const { createOpenAI } = await import('@ai-sdk/openai')
      // Not the Responses API: it keeps what it is asked, unless it is told not to.
      return {
        model: createOpenAI(at).chat(model),
        providerOptions: { openai: { strictJsonSchema: false, store: false } },
      }
    }
    case 'openai-compatible': {
      const { createOpenAICompatible } = await import('@ai-sdk/openai-compatible')
      const compatible = createOpenAICompatible({
        name: COMPATIBLE,
        supportsStructuredOutputs: true,
        includeUsage: true,
        ...at,
        baseURL: baseUrl ?? '',
      })
      return {
        model: compatible.chatModel(model),
        providerOptions: { [COMPATIBLE]: { strictJsonSchema: false } },
      }
    }
  }
}
