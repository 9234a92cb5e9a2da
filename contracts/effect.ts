import { z } from 'zod'

import { canonicalHash } from './canonical.ts'
import { SlotId } from './ids.ts'
import { Pointer } from './judging/provenance.ts'

/** States of one round of an effect slot (design.md section 3). */
export const EffectState = z.enum([
  'PROPOSED',
  'AWAITING_APPROVAL',
  'GRANTED',
  'CONFIRMED',
  'REFUSED',
  'NOT_SENT',
  'UNKNOWN',
  'NOT_HAPPENED',
  'NEEDS_HUMAN',
  'DENIED',
  'EXPIRED',
  'CANCELLED',
])
export type EffectState = z.infer<typeof EffectState>

/**
 * A place in a frozen plan where one effect belongs: its identity through retries, edits and
 * replans. `reply:{mention_id}` patterns carry a limit of how many effects they may name.
 */
export const Slot = z.strictObject({
  slot: SlotId,
  tool: z.string().max(64),
  /** How many effects the slot may name; 1 unless it is a pattern. */
  limit: z.int().min(1).max(1000).default(1),
})
export type Slot = z.infer<typeof Slot>

/** Arguments of a tool call: a JSON object, canonical before hashing. */
export const ToolArguments = z.record(z.string(), z.unknown())
export type ToolArguments = z.infer<typeof ToolArguments>

/** What a Worker wants done in the world; the Judge decides. */
export const ProposedEffect = z.strictObject({
  slot: SlotId,
  tool: z.string().max(64),
  args: ToolArguments,
  /** JSON pointer of an argument -> where its value came from. Every argument needs one. */
  provenance: z.record(z.string(), Pointer),
})
export type ProposedEffect = z.infer<typeof ProposedEffect>

/**
 * The identity of an effect: SHA-256 of tenant, account, goal, slot, tool and mode. Arguments are
 * bound data, not identity: one payment reworded is one slot (design.md section 5).
 */
export function effectKey(of: {
  tenant: string
  account: string
  goal: string
  slot: string
  tool: string
  mode: string
}): string {
  return canonicalHash({ v: 1, ...of })
}
