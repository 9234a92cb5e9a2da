import type { Logger } from '@chimera/runtime/log'

import { openCascade, type CascadeParts } from './cascade/cascade.ts'
import { type LlmConfig, loadCascade } from './cascade/load-cascade.ts'
import { uncountedMeter } from './cascade/meter.ts'
import { openTierRequest } from './cascade/tier-request.ts'
import { type Circuits, openOwnCircuits } from './circuits/circuits.ts'
import type { ModelBudget } from './model-budget.ts'
import type { Model } from './model.ts'

/** What a process shares with others; without it there are circuits of its own, and no figures. */
export type SharedParts = Partial<Pick<CascadeParts, 'meter' | 'onDecision'>> &
  Readonly<{
    circuits?: Circuits
    log?: Pick<Logger, 'warn' | 'error'>
    /** The only tier that is asked, by its name. */
    only?: string
  }>

/**
 * The cascade of this environment as one model, or undefined when there is none: then everything
 * goes by rule. Throws ConfigError when what is configured is no cascade.
 */
export function openModel(
  config: LlmConfig,
  budget: ModelBudget,
  shared: SharedParts = {},
): Model | undefined {
  const whole = loadCascade(config)
  if (whole === undefined) return undefined
  const { only } = shared
  const tiers = whole.tiers.filter(({ name }) => only === undefined || name === only)
  const cascade = { ...whole, tiers }
  return openCascade({
    budget,
    cascade,
    request: openTierRequest(),
    circuits: shared.circuits ?? openOwnCircuits(),
    meter: shared.meter ?? uncountedMeter,
    log: shared.log ?? SILENT,
    onDecision: shared.onDecision ?? (() => undefined),
  })
}

const SILENT = { warn: () => undefined, error: () => undefined }
