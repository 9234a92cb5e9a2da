import { defineExecutor } from './executor.ts'

/** A drill that does nothing, for benchmarks. */
export const noop = defineExecutor({
  kind: 'noop',
  execute: () => ({ confidence: 1, artifacts: [], evidence: [], proposed_effects: [] }),
})
