import type { Model } from '@chimera/infra/llm/model'
import type { Logger } from '@chimera/runtime/log'

/** What questions to a model have taken so far. */
export type Taken = { requests: number; usdMicros: bigint; repairs: number }

/** What is evaluated: the rules alone, or one model of the cascade under the rules. */
export type EvaluatedTier = Readonly<{
  name: string
  /** Undefined for the rules. */
  model: Model | undefined
  /** Of all questions; what one goal took is the difference. */
  taken: Taken
}>

/** What every goal is evaluated with. */
export type Deps = Readonly<{ tier: EvaluatedTier; log: Logger; signal: AbortSignal }>
