import { defineExecutor } from './executor.ts'

/** Work without a specialist: its words become an artifact, unchanged. */
export const generic = defineExecutor({
  kind: 'generic',
  execute: ({ payload }) => ({
    confidence: 1,
    artifacts: [{ name: 'text', media_type: 'text/plain', content: payload.text }],
    evidence: [{ source: 'goal', detail: 'The text is the goal’s own, unchanged.' }],
    proposed_effects: [],
  }),
})
