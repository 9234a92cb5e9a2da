import { z } from 'zod'

import { MAX_TIER_TIMEOUT_MS, UsdText } from '../models/cascade.ts'
import { Milliseconds, Url } from './config-values.ts'

/** The door to models; without LLM_BASE_URL and LLM_CASCADE_FILE everything goes by rule. */
export const llm = z.object({
  LLM_CASCADE_FILE: z
    .string()
    .optional()
    .describe('absolute path of the cascade of models (docs/models.md), instead of LLM_BASE_URL'),
  LLM_BASE_URL: Url.optional().describe(
    'an OpenAI-compatible server, as in http://127.0.0.1:11434/v1; all goes by rule without it',
  ),
  LLM_MODEL: z.string().min(1).max(200).optional().describe('the model to ask there'),
  LLM_API_KEY: z.string().min(1).optional().describe('its key; local servers need none'),
  OPENAI_API_KEY: z.string().min(1).optional().describe('for tiers of a cascade that name it'),
  ANTHROPIC_API_KEY: z.string().min(1).optional().describe('for tiers of a cascade that name it'),
  LLM_INPUT_USD_PER_MILLION: UsdText.default('0').describe(
    'dollars for a million tokens of a prompt; 0 for a model of your own, then tokens alone count',
  ),
  LLM_OUTPUT_USD_PER_MILLION: UsdText.default('0').describe(
    'dollars for a million tokens of an answer',
  ),
  LLM_TIMEOUT_MS: Milliseconds.max(MAX_TIER_TIMEOUT_MS)
    .default(30_000)
    .describe('how long one answer of the model may take'),
})
