import { z } from 'zod'

import { Pointer } from './provenance.ts'

/** What a read tool answered within an attempt; `tool` pointers lead here by `result_id`. */
export const Reading = z.strictObject({
  id: z.string().max(128),
  tool: z.string().max(64),
  args: z.record(z.string(), z.unknown()),
  value: z.unknown(),
})
export type Reading = z.infer<typeof Reading>

/**
 * One answer of a model within an attempt; `model` pointers lead here by `call_id`. `sources` says
 * where everything in the prompt came from that the house did not write itself, so that whoever
 * follows a pointer finds the worst that the model had read: the door to the model writes it from
 * the parts that it rendered, not the executor from memory.
 */
export const ModelCall = z.strictObject({
  id: z.string().max(128),
  /** Provider and model that answered. */
  model: z.string().max(200),
  /** SHA-256 of the canonical messages that were sent, the repair turn included. */
  prompt_hash: z.string().regex(/^[0-9a-f]{64}$/),
  sources: z.array(Pointer).max(64),
  /** What it said, once it fitted its schema. */
  output: z.unknown(),
})
export type ModelCall = z.infer<typeof ModelCall>
