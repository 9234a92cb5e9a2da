import { z } from 'zod'

import { ProposedEffect } from './effect.ts'
import { ModelCall, Reading } from './judging/sources.ts'

/** Something a task made: text or JSON under a name. */
export const Artifact = z.strictObject({
  name: z.string().max(128),
  media_type: z.string().max(128),
  content: z.unknown(),
})
export type Artifact = z.infer<typeof Artifact>

/** Why to believe a result: what was read, and where. */
export const Evidence = z.strictObject({
  source: z.string().max(500),
  detail: z.string().max(2000),
})
export type Evidence = z.infer<typeof Evidence>

/** What came out of one attempt. `confidence` only ever adds a gate (X01). */
export const TaskResult = z.strictObject({
  confidence: z.number().min(0).max(1),
  artifacts: z.array(Artifact).max(32).default([]),
  evidence: z.array(Evidence).max(64).default([]),
  proposed_effects: z.array(ProposedEffect).max(16).default([]),
  /** What `tool` and `model` pointers of the effects lead into, earlier before later. */
  readings: z.array(Reading).max(32).optional(),
  model_calls: z.array(ModelCall).max(16).optional(),
})
export type TaskResult = z.infer<typeof TaskResult>

/** What an attempt ended with when it made no result. */
export const TaskFailure = z.strictObject({
  code: z.string().max(64),
  message: z.string().max(2000),
})
export type TaskFailure = z.infer<typeof TaskFailure>

/** What the Worker commits for an attempt; the Judge reads it from the row. */
export const AttemptOutcome = z.discriminatedUnion('outcome', [
  z.strictObject({ outcome: z.literal('result'), result: TaskResult }),
  z.strictObject({
    outcome: z.literal('failure'),
    failure: TaskFailure,
    /**
     * `denied` never runs again; `terminal` neither, but is a failure of the work, not a refusal.
     */
    kind: z.enum(['terminal', 'denied']),
  }),
])
export type AttemptOutcome = z.infer<typeof AttemptOutcome>
