import { z } from 'zod'

import { GoalStatus } from '../goal.ts'

/** Body of every `/pause`, `/resume` and `/complete`; it may be left out. */
export const PauseBody = z.strictObject({ reason: z.string().min(1).max(400).optional() })

/**
 * `POST /v1/{goals,agents,campaigns,tenants}/:id/pause`: as a stop's answer. What a server sent
 * before its fence is `in_flight`; of one that was `unreachable` nobody knows.
 */
export const PauseReport = z.strictObject({
  id: z.string(),
  status: z.literal('PAUSED'),
  epoch: z.int(),
  acknowledged_at: z.string(),
  tools: z.array(
    z.strictObject({
      name: z.string(),
      result: z.enum(['fenced', 'unreachable']),
      in_flight: z.array(z.string()),
    }),
  ),
})
export type PauseReport = z.infer<typeof PauseReport>

/** Where it is after a resume, or after a campaign was completed or a user paused. */
export const ResumedReport = z.strictObject({
  id: z.string(),
  status: z.union([GoalStatus, z.enum(['ACTIVE', 'PAUSED', 'COMPLETED'])]),
})
export type ResumedReport = z.infer<typeof ResumedReport>
