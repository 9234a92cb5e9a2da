import { z } from 'zod'

import { Milliseconds, Url } from './config-values.ts'

/** Where memories are kept, and what makes vectors of them and of questions about them. */
export const memory = z.object({
  WEAVIATE_URL: Url.optional().describe(
    'a Weaviate for memories, as in http://127.0.0.1:8080; they are kept in PostgreSQL without it',
  ),
  WEAVIATE_GRPC_URL: Url.optional().describe(
    'its gRPC port, as in http://127.0.0.1:50051; port 50051 of the same host without it',
  ),
  WEAVIATE_API_KEY: z.string().min(1).optional().describe('its key'),
  WEAVIATE_SERVER: z
    .enum(['auto', 'on', 'off'])
    .default('auto')
    .describe(
      'whether a stack without WEAVIATE_URL runs a Weaviate of its own: auto where there is a ' +
        'weaviate-server, on to have it built by Go where there is none, off',
    ),
  EMBEDDING_BASE_URL: Url.optional().describe(
    'an OpenAI-compatible server with /embeddings, as in http://127.0.0.1:11434/v1; without it a ' +
      'lexical hash of our own',
  ),
  EMBEDDING_MODEL: z.string().min(1).max(200).optional().describe('the model to ask there'),
  EMBEDDING_VERSION: z
    .string()
    .regex(/^[A-Za-z0-9._-]{1,32}$/)
    .default('1')
    .describe(
      'raise it when the same name makes other vectors; those of two versions are not compared',
    ),
  EMBEDDING_API_KEY: z.string().min(1).optional().describe('its key; local servers need none'),
  MEMORY_TIMEOUT_MS: Milliseconds.max(30_000)
    .default(5_000)
    .describe('how long one answer of the memory or of the embedder may take'),
})
