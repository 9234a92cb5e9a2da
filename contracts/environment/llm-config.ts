import { z } from 'zod'

import { Milliseconds, Url } from './config-values.ts'

/** Decimal text, to a micro: floats never get here. */
const UsdPerMillion = z
  .string()
  .regex(/^[0-9]{1,6}(\.[0-9]{1,6})?$/, 'has to be dollars such as 2.50')
  .default('0')

/** The door to a model; without LLM_BASE_URL everything goes by rule. */
export const llm = z.object({
  LLM_BASE_URL: Url.optional().describe(
    'an OpenAI-compatible server, as in http://127.0.0.1:11434/v1; all goes by rule without it',
  ),
  LLM_MODEL: z.string().min(1).max(200).optional().describe('the model to ask there'),
  LLM_API_KEY: z.string().min(1).optional().describe('its key; local servers need none'),
  LLM_INPUT_USD_PER_MILLION: UsdPerMillion.describe(
    'dollars for a million tokens of a prompt; 0 for a model of your own, then tokens alone count',
  ),
  LLM_OUTPUT_USD_PER_MILLION: UsdPerMillion.describe('dollars for a million tokens of an answer'),
  LLM_TIMEOUT_MS: Milliseconds.max(60_000)
    .default(30_000)
    .describe('how long one answer of the model may take'),
})
