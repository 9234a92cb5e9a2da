import { z } from 'zod'

import type { TaskType } from './agent-task.ts'
import { MAX_GOAL_TEXT } from './goal.ts'
import { SlotId } from './ids.ts'
import { Pointer } from './judging/provenance.ts'
import { MediaHandle } from './media.ts'
import { AssetCode } from './money.ts'

/** For every parameter that reaches an effect: where the planner took it from. */
const Origin = z.record(z.string(), Pointer)

/** A provider's post id: digits (X API v2). */
export const PostId = z.string().regex(/^[0-9]{1,19}$/, 'a post id is 1 to 19 digits')

/** A transfer of a wallet, by the grant under which it was claimed. */
export const TransferId = z.uuid()

/** Work that a model does: the owner's words, quoted to it as what is wanted. */
const Instruction = z.string().min(1).max(MAX_GOAL_TEXT)

/** The kinds of work, discriminated inside `payload` so that the wire enum stays at four (X09). */
export const TaskPayload = z.discriminatedUnion('kind', [
  /** A drill that does nothing, for benchmarks. */
  z.strictObject({ kind: z.literal('noop'), index: z.int().nonnegative() }),
  z.strictObject({ kind: z.literal('generic'), text: z.string() }),
  z.strictObject({ kind: z.literal('research.question'), question: z.string() }),
  z.strictObject({
    kind: z.literal('tweet.post'),
    slot: SlotId,
    text: z.string(),
    media_ids: z.array(MediaHandle).max(4).default([]),
    is_ai_labeled: z.boolean().default(true),
    origin: Origin,
  }),
  z.strictObject({
    kind: z.literal('tweet.reply'),
    slot: SlotId,
    in_reply_to: PostId,
    text: z.string(),
    is_ai_labeled: z.boolean().default(true),
    origin: Origin,
  }),
  z.strictObject({
    kind: z.literal('wallet.transfer'),
    slot: SlotId,
    /**
     * Decimal text as the owner wrote it; base units need the asset's decimals, which the tool
     * knows.
     */
    amount: z.string(),
    asset: AssetCode,
    to: z.string().min(1).max(128),
    origin: Origin,
  }),
  /** Puts a payment of nothing in the place of a transfer that no block takes. */
  z.strictObject({
    kind: z.literal('wallet.unstick'),
    slot: SlotId,
    transfer_id: TransferId,
    origin: Origin,
  }),
  z.strictObject({
    kind: z.literal('trade.scan'),
    symbols: z
      .array(z.string().regex(/^[A-Z0-9]{1,12}$/))
      .min(1)
      .max(32),
  }),
  /** A model reads, and answers. */
  z.strictObject({ kind: z.literal('agent.research'), instruction: Instruction, origin: Origin }),
  /** A model writes one tweet. */
  z.strictObject({
    kind: z.literal('agent.write'),
    slot: SlotId,
    instruction: Instruction,
    origin: Origin,
  }),
  /** A model writes one reply, to the post that the plan names. */
  z.strictObject({
    kind: z.literal('agent.engage'),
    slot: SlotId,
    in_reply_to: PostId,
    instruction: Instruction,
    origin: Origin,
  }),
])
export type TaskPayload = z.infer<typeof TaskPayload>
export type TaskKind = TaskPayload['kind']

/** Which wire type carries which kind. */
export const KIND_TYPE = {
  noop: 'RESEARCH',
  generic: 'RESEARCH',
  'research.question': 'RESEARCH',
  'tweet.post': 'CONTENT_GEN',
  'tweet.reply': 'ENGAGEMENT',
  'wallet.transfer': 'TRANSACTION',
  'wallet.unstick': 'TRANSACTION',
  'trade.scan': 'TRANSACTION',
  'agent.research': 'RESEARCH',
  'agent.write': 'CONTENT_GEN',
  'agent.engage': 'ENGAGEMENT',
} as const satisfies Record<TaskKind, TaskType>
