/** What a policy is asked, and what it answers (`chimera policy evaluate --jsonl`). */
import { z } from 'zod'

import { RuleEffect } from './policy-document.ts'

const Name = z.string().max(256)

/**
 * Somebody wants to do something. All of it is as it was said: the engine brings it to its
 * canonical form, and denies what has none.
 */
export const PolicyRequest = z.strictObject({
  /** Comes back with the decision. */
  id: z.string().max(128).optional(),
  tenant: Name,
  agent: Name,
  campaign: Name.optional(),
  goal: Name.optional(),
  task: Name.optional(),
  account: Name.optional(),
  tool: Name,
  /** What the tool does; found by the tool when nothing is said. */
  action: Name.optional(),
  args: z.record(z.string(), z.unknown()).default({}),
  /** What is moved: `base` in base units, or `whole` as decimal text with the decimals. */
  amount: z
    .strictObject({
      asset: Name,
      base: z.string().max(200).optional(),
      whole: z.string().max(200).optional(),
      decimals: z.int().min(0).max(36).optional(),
    })
    .optional(),
  /** What that is worth, as decimal text, by a price of that time (ISO 8601, UTC). */
  usd: z.strictObject({ value: z.string().max(200), price_at: z.string().max(40) }).optional(),
  recipient: Name.optional(),
  network: Name.optional(),
  symbol: Name.optional(),
  mode: Name,
  persona: Name.optional(),
  label: Name.optional(),
  /** Of the decision, ISO 8601, UTC: the engine has no clock. */
  time: z.string().max(40),
  /**
   * What the windows held before this, by their names (`count/agent/86400s/order`): whole numbers
   * as text; dollars in micros.
   */
  windows: z.record(z.string().max(300), z.string().max(80)).default({}),
})
export type PolicyRequest = z.input<typeof PolicyRequest>

/** Why a request was decided as it was, by a code that programs can read. */
export const PolicyCode = z.enum([
  'POLICY_ALLOWED',
  'POLICY_DENIED',
  'POLICY_NO_RULE',
  'POLICY_UNDECIDABLE',
  'POLICY_INPUT_INVALID',
  'POLICY_UNAVAILABLE',
  'NEEDS_APPROVAL',
])
export type PolicyCode = z.infer<typeof PolicyCode>

/** The answer. */
export const PolicyDecision = z.strictObject({
  id: z.string().optional(),
  decision: RuleEffect,
  /** The rules that made it so, in the order of the document; none when no rule applies. */
  rules: z.array(z.string()),
  code: PolicyCode,
  reason: z.string().max(1000),
  /** How many people have to approve, when that is asked for. */
  approvals: z.int().positive().optional(),
  /** `<name>@<version>` of the policy. */
  policy: z.string().optional(),
})
export type PolicyDecision = z.infer<typeof PolicyDecision>
