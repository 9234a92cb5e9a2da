import { z } from 'zod'

import { Milliseconds, Url } from './config-values.ts'

/** What makes vectors of memories, and of questions about them. */
export const memory = z.object({
  EMBEDDING_BASE_URL: Url.optional().describe(
    'an OpenAI-compatible server with /embeddings, as in http://127.0.0.1:11434/v1; without it a ' +
      'lexical hash of our own',
  ),
  EMBEDDING_MODEL: z.string().min(1).max(200).optional().describe('the model to ask there'),
  EMBEDDING_VERSION: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,32}$/)
    .default('1')
    .describe('raise it when the same name makes other vectors, then `chimera memory re-embed`'),
  EMBEDDING_API_KEY: z.string().min(1).optional().describe('its key; local servers need none'),
  MEMORY_TIMEOUT_MS: Milliseconds.max(30_000)
    .default(5_000)
    .describe('how long one answer of the memory or of the embedder may take'),
})
