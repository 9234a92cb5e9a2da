import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { ModelCall } from '@chimera/contracts/judging/sources'
import type { z } from 'zod'

import type { AskedFor } from './model-budget.ts'

/**
 * A stretch of a prompt that the house did not write itself. It is quoted as data, and its pointer
 * goes into the record of the call.
 */
export type PromptPart = Readonly<{
  /** What it is, for the model. */
  title: string
  pointer: Pointer
  /** JSON. */
  value: unknown
}>

/** One question to a model. */
export type Ask<T> = Readonly<{
  /** The house's own words: what the answer has to be, and how the parts are to be taken. */
  instructions: string
  parts: readonly PromptPart[]
  schema: z.ZodType<T>
  /** What the schema cannot say: a sentence about what is wrong, told in the repair turn. */
  check?: (value: T) => string | undefined
  signal?: AbortSignal
  /** Whose budgets pay for it. */
  asked: AskedFor
}>

export type Answer<T> = Readonly<{ value: T; call: ModelCall }>

/** The one door to a model. */
export type Model = Readonly<{
  /** Provider and model, for people and for the record. */
  name: string
  /**
   * Asks once, and once more when the answer does not fit (one repair turn); never otherwise:
   * whoever asks decides on retries. Throws RetryableError: MODEL_UNAVAILABLE (time-out, 5xx, a
   * connection that is refused or cut), MODEL_RATE_LIMITED with `retryAfterMs`,
   * MODEL_OUTPUT_INVALID after the repair turn; TerminalError: MODEL_UNAUTHORIZED,
   * MODEL_INPUT_TOO_LONG, MODEL_REFUSED; DeniedError: BUDGET_EXHAUSTED, and nothing was sent.
   */
  complete: <T>(ask: Ask<T>) => Promise<Answer<T>>
}>
