import { z } from 'zod'

/** A gate's vote. Any gate can add a demand, none can remove one (design.md section 2). */
export const Vote = z.strictObject({
  gate: z.enum([
    'schema',
    'slot',
    'tool',
    'mode',
    'provenance',
    'confidence',
    'approval',
    'budget',
    'stop',
    'policy',
    'pause',
    'kill',
    'persona',
    'content',
  ]),
  vote: z.enum(['allow', 'reject', 'deny', 'needs_person', 'wait']),
  code: z.string().max(64).optional(),
  reason: z.string().max(1000),
})
export type Vote = z.infer<typeof Vote>

/** The Judge's decision on one attempt. */
export const Verdict = z.strictObject({
  verdict: z.enum(['approve', 'reject', 'deny', 'wait']),
  confidence: z.number().min(0).max(1),
  votes: z.array(Vote).max(64),
})
export type Verdict = z.infer<typeof Verdict>

/** Strictly above passes (SRS NFR 1.0; exactly 0.90 waits for a person). */
export const CONFIDENCE_PASS = 0.9
/** Below is rejected and tried again with feedback. */
export const CONFIDENCE_REJECT = 0.7
