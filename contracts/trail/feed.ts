import { z } from 'zod'

/**
 * What a person sees happening: a projection of audit items, on `chimera:feed` and `GET
 * /v1/feed`.
 */
export const FeedEvent = z.strictObject({
  /** `goal.received`, `task.completed`, `effect.confirmed`, `letter.dead`, `stop.raised` ... */
  type: z.string().max(64),
  tenant: z.uuid(),
  /** The goal itself, or the one of the task, effect or approval that the event is about. */
  goal_id: z.string().optional(),
  task_id: z.string().optional(),
  effect_id: z.string().optional(),
  /** One line for people; outside text is quoted, capped and free of control characters. */
  summary: z.string().max(300),
  /** Small facts for programs: from, to, code, attempt. */
  data: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).default({}),
  at: z.string(),
})
export type FeedEvent = z.infer<typeof FeedEvent>
