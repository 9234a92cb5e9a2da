import { z } from 'zod'

import { ToolArguments } from '../effect.ts'
import { Mode } from '../goal.ts'
import { Pointer } from './provenance.ts'
import { MAX_APPROVERS, Vote } from './verdict.ts'

/** Where the request for a person's word stands (design.md section 3). */
export const ApprovalState = z.enum([
  'REQUESTED',
  'APPROVED',
  'EDITED',
  'REJECTED',
  'EXPIRED',
  'CANCELLED',
])
export type ApprovalState = z.infer<typeof ApprovalState>

/** A request lives a day when nothing else is configured (requirement X18). */
export const APPROVAL_TTL_MS = 86_400_000

/** Edits of one proposal, one after the other; more of them are no review any more. */
export const MAX_EDITS = 16

/** What an approval is asked for: one round of an effect, or the result of one attempt. */
export const ApprovalSubject = z.enum(['effect', 'result'])
export type ApprovalSubject = z.infer<typeof ApprovalSubject>

/** The word of one person who approved. */
export const ApproverView = z.strictObject({ approver: z.string(), at: z.string() })

/** How much a person should worry, by rules: money, words of strangers, several gates at once. */
export const RiskLevel = z.enum(['low', 'medium', 'high'])
export type RiskLevel = z.infer<typeof RiskLevel>

/** What an argument was when it was approved last, and is now; absent: it was not there. */
export const ArgumentChange = z.strictObject({
  argument: z.string(),
  was: z.unknown().optional(),
  now: z.unknown().optional(),
})
export type ArgumentChange = z.infer<typeof ArgumentChange>

/** `chimera approval show --json`, `GET /v1/approvals/:id`, and each line of the inbox. */
export const ApprovalView = z.strictObject({
  /** Random: nobody can guess the id of a request, and no word fits two of them. */
  id: z.uuid(),
  subject: ApprovalSubject,
  state: ApprovalState,
  goal_id: z.string(),
  task_id: z.string(),
  effect_id: z.string().nullable(),
  /** What the approval is bound to; another of any of these asks again. */
  bound_to: z.strictObject({
    effect_key: z.string().nullable(),
    args_hash: z.string(),
    account: z.string().nullable(),
    mode: Mode,
    definition_hash: z.string().nullable(),
    policy_version: z.string(),
  }),
  slot: z.string().nullable(),
  tool: z.string().nullable(),
  args: ToolArguments,
  provenance: z.record(z.string(), Pointer),
  /** Who asked for it: a user, a token, or the stream. */
  requester: z.string(),
  /** Who edited it; null as long as the arguments are those of the Worker. */
  editor: z.string().nullable(),
  needed: z.int().min(1).max(MAX_APPROVERS),
  /** Whoever asked for it or edited it does not count. */
  not_requester: z.boolean(),
  approvers: z.array(ApproverView),
  /** The gates that want a person, each with its reason. */
  asked_by: z.array(Vote),
  risk: z.strictObject({
    level: RiskLevel,
    money: z.boolean(),
    cost_usd_micros: z.string(),
    confidence: z.number(),
  }),
  /** Against what was last approved for this agent and tool; null when nothing ever was. */
  diff: z.array(ArgumentChange).nullable(),
  requested_at: z.string(),
  expires_at: z.string(),
  decided_at: z.string().nullable(),
  decided_by: z.string().nullable(),
  /** What the person said. */
  reason: z.string().nullable(),
  /** Taken back after it had been given. */
  withdrawn_at: z.string().nullable(),
  superseded_by: z.string().nullable(),
})
export type ApprovalView = z.infer<typeof ApprovalView>

/** What a person says of a request. */
export const Decision = z.discriminatedUnion('decision', [
  z.strictObject({
    decision: z.literal('approve'),
    reason: z.string().trim().max(1000).optional(),
  }),
  z.strictObject({ decision: z.literal('reject'), reason: z.string().trim().min(1).max(1000) }),
  /** Back to the Worker with these words: the attempt counts as rejected. */
  z.strictObject({ decision: z.literal('respond'), reason: z.string().trim().min(1).max(1000) }),
  /** Other arguments instead: the whole object. */
  z.strictObject({
    decision: z.literal('edit'),
    args: ToolArguments,
    reason: z.string().trim().max(1000).optional(),
  }),
])
export type Decision = z.infer<typeof Decision>
