import { z } from 'zod'

/**
 * A fence and who holds it. What a server sent before its fence is `in_flight`; of one that was
 * `unreachable` nobody knows.
 */
export const FenceReport = z.strictObject({
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
export type FenceReport = z.infer<typeof FenceReport>
