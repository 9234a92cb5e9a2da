import { z } from 'zod'

import { GoalStatus } from '../goal.ts'
import { FenceReport } from './fence-report.ts'

/** Body of every `/pause`, `/resume` and `/complete`; it may be left out. */
export const PauseBody = z.strictObject({ reason: z.string().min(1).max(400).optional() })

/** `POST /v1/{goals,agents,campaigns,tenants}/:id/pause`: as a stop's answer. */
export const PauseReport = z.strictObject({
  id: z.string(),
  status: z.literal('PAUSED'),
  ...FenceReport.shape,
})
export type PauseReport = z.infer<typeof PauseReport>

/**
 * Where it is after a resume, or after a campaign was completed or a user paused. `fence`: grants
 * that were out rested on the word of that user.
 */
export const ResumedReport = z.strictObject({
  id: z.string(),
  status: z.union([GoalStatus, z.enum(['ACTIVE', 'PAUSED', 'COMPLETED'])]),
  fence: FenceReport.optional(),
})
export type ResumedReport = z.infer<typeof ResumedReport>
