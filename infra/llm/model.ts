import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { ModelCall } from '@chimera/contracts/judging/sources'
import type { PrivacyClass } from '@chimera/contracts/models/cascade'
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
  /** The widest class of place that this prompt may go to; the cascade's own bound holds, too. */
  privacy?: PrivacyClass
  /** Who answers when no model does; it stands in the decision as the last tier. */
  otherwise?: 'rules'
  /**
   * Takes the answer piece by piece, as JSON that is not whole yet. Once a piece has gone out
   * nobody else is asked and nothing is repaired: what goes wrong then is thrown, and the step has
   * to be done again from its beginning.
   */
  onPiece?: (piece: string) => void
}>

export type Answer<T> = Readonly<{ value: T; call: ModelCall }>

/** The one door to a model. */
export type Model = Readonly<{
  /** Providers and models in their order, for people and for the record. */
  name: string
  /**
   * Asks the tiers in their order, each at most once, and each once more when its answer does not
   * fit (one repair turn); never otherwise: whoever asks decides on retries. Throws, when none has
   * answered, RetryableError: MODEL_UNAVAILABLE (time-out, 5xx, a connection that is refused or
   * cut, a circuit that is open), MODEL_RATE_LIMITED with `retryAfterMs`, MODEL_OUTPUT_INVALID
   * after the repair turn; TerminalError: MODEL_UNAUTHORIZED, MODEL_INPUT_TOO_LONG, MODEL_REFUSED,
   * MODEL_NONE_FITS; DeniedError: BUDGET_EXHAUSTED, and nothing was sent. What may be tried again
   * comes before what may not.
   */
  complete: <T>(ask: Ask<T>) => Promise<Answer<T>>
}>
