import { z } from 'zod'

import { AgentId, GoalId } from './ids.ts'
import { PersonaName } from './judging/persona.ts'

/**
 * Mode is a property of the goal (design.md section 5): dry calls nobody, paper only simulations.
 */
export const Mode = z.enum(['dry', 'paper', 'live'])
export type Mode = z.infer<typeof Mode>

export const GoalStatus = z.enum([
  'RECEIVED',
  'PLANNED',
  'ACTIVE',
  'PAUSED',
  'COMPLETED',
  'FAILED',
  'CANCELLED',
])
export type GoalStatus = z.infer<typeof GoalStatus>

/** Whose words a goal is made of: the owner's, or somebody's (GOALS_FROM_STREAM=untrusted). */
export const Trust = z.enum(['owner', 'untrusted'])
export type Trust = z.infer<typeof Trust>

/** Longer goals are refused, not cut: a cut goal is another goal. */
export const MAX_GOAL_TEXT = 10_000

const Text = z
  .string()
  .min(1)
  .max(MAX_GOAL_TEXT)
  .refine((text) => text.isWellFormed(), 'the text holds half of a surrogate pair')
  // eslint-disable-next-line no-control-regex
  .refine((text) => !/[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/.test(text), {
    error: 'the text holds control characters',
  })
  .transform((text) => text.normalize('NFC'))

/** What a goal is urgent and important by that says nothing of it. */
export const ORDINARY_GRADE = 3

/** How urgent or important. */
const Grade = z.int().min(1).max(5)

const Frame = {
  id: GoalId.optional(),
  agent_id: AgentId.optional(),
  campaign_id: AgentId.optional(),
  mode: Mode.default('paper'),
  /** The most that all effects and model calls of this goal may cost, in US dollars. */
  max_cost_usd: z.number().positive().max(1_000_000).optional(),
  /**
   * What is `low` waits for tomorrow once 80 % of a budget that it is in are used. `normal` when it
   * says nothing.
   */
  priority: z.enum(['low', 'normal']).optional(),
  /** From 1 (it can wait) to 5: which of its agent's tasks come first while they queue (W03). */
  urgency: Grade.optional(),
  /** From 1 (it hardly matters) to 5; an input of its own beside urgency. */
  importance: Grade.optional(),
  /** The persona, by its name in the record (C10). */
  voice_ref: PersonaName.optional(),
  /** What is posted has to name a link that the work has read. */
  citations: z.boolean().optional(),
}

/** A goal in words: `publish a tweet: hello`. */
export const TextGoal = z.strictObject({ ...Frame, text: Text })

/** A structured goal: `{"kind": "tweet.post", "params": {"text": "hello"}}`. */
export const StructuredGoal = z.strictObject({
  ...Frame,
  kind: z
    .string()
    .regex(/^[a-z]+(\.[a-z_]+)?$/)
    .max(64),
  params: z.record(
    z.string().max(64),
    z.union([Text, z.number(), z.boolean(), z.array(Text).max(64)]),
  ),
})

/** What an operator wants, with limits. Entry of `chimera:goals`, body of `POST /v1/goals`. */
export const Goal = z.union([TextGoal, StructuredGoal])
export type Goal = z.infer<typeof Goal>

/** What of a goal, as its row has it, says which of an agent's tasks come first. */
export const GoalGrades = z.object({
  urgency: Grade.nullish(),
  importance: Grade.nullish(),
  priority: Frame.priority.nullable(),
})

/** What a goal costs at most when it says nothing: enough for a tweet, not for a mistake. */
export const DEFAULT_MAX_COST_USD = 1

/** How an entry of `chimera:goals` that only rings names its row. */
export const GoalRing = z.strictObject({ id: GoalId, ring: z.literal(true) })
export type GoalRing = z.infer<typeof GoalRing>
