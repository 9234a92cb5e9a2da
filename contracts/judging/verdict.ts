import { z } from 'zod'

/** Most people that one approval may ask for. */
export const MAX_APPROVERS = 16

/** What a gate asks of the people who approve. The demands of several gates add up. */
export const Needs = z.strictObject({
  /** How many different people have to approve. */
  approvers: z.int().min(1).max(MAX_APPROVERS),
  /** Whoever asked for it, or edited it, does not count among them. */
  not_requester: z.boolean(),
})
export type Needs = z.infer<typeof Needs>

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
    'opinion',
  ]),
  vote: z.enum(['allow', 'reject', 'deny', 'needs_person', 'wait']),
  code: z.string().max(64).optional(),
  reason: z.string().max(1000),
  /** Of a vote `needs_person`; one approver, whoever that is, when it is absent. */
  needs: Needs.optional(),
})
export type Vote = z.infer<typeof Vote>

/** The Judge's decision on one attempt; `escalate`: a person has to be asked first. */
export const Verdict = z.strictObject({
  verdict: z.enum(['approve', 'reject', 'deny', 'escalate', 'wait']),
  confidence: z.number().min(0).max(1),
  votes: z.array(Vote).max(64),
})
export type Verdict = z.infer<typeof Verdict>

/** Strictly above passes (SRS NFR 1.0; exactly 0.90 waits for a person). */
export const CONFIDENCE_PASS = 0.9
/** Below is rejected and tried again with feedback. */
export const CONFIDENCE_REJECT = 0.7
