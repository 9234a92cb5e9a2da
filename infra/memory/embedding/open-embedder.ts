import type { Config } from '@chimera/contracts/config'
import { ConfigError } from '@chimera/runtime/config'

import type { Embedder } from './embedder.ts'
import { lexicalEmbedder } from './lexical-embedder.ts'
import { modelEmbedder } from './model-embedder.ts'

type EmbeddingConfig = Pick<
  Config<'memory'>,
  | 'EMBEDDING_BASE_URL'
  | 'EMBEDDING_MODEL'
  | 'EMBEDDING_API_KEY'
  | 'EMBEDDING_VERSION'
  | 'MEMORY_TIMEOUT_MS'
>

/** The embedder that the environment names; a lexical one, which needs nothing, without any. */
export function openEmbedder(config: EmbeddingConfig): Embedder {
  const { EMBEDDING_BASE_URL: baseUrl, EMBEDDING_MODEL: model } = config
  if (baseUrl === undefined) return lexicalEmbedder
  if (model === undefined) {
    const detail = 'is not set, but EMBEDDING_BASE_URL is'
    throw new ConfigError([{ pointer: 'EMBEDDING_MODEL', detail }])
  }
  return modelEmbedder({
    baseUrl,
    model,
    version: config.EMBEDDING_VERSION,
    apiKey: config.EMBEDDING_API_KEY,
    timeoutMs: config.MEMORY_TIMEOUT_MS,
  })
}
