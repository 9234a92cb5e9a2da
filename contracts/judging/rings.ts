import { z } from 'zod'

import { GoalId } from '../ids.ts'

/**
 * Payload of an entry on `chimera:results`: the id of a row to look at, nothing more. Whoever can
 * XADD can make the Judge look, never make it believe (design.md section 4).
 */
export const ResultRing = z.discriminatedUnion('look_at', [
  /** A task whose result is to be judged, or judged again. */
  z.strictObject({ look_at: z.literal('task'), id: z.uuid() }),
  /** A receipt row. */
  z.strictObject({ look_at: z.literal('receipt'), id: z.uuid() }),
  /** An effect that is to end: sign the void question if the rules call for it. */
  z.strictObject({ look_at: z.literal('effect'), id: z.uuid() }),
  /** A boot of a tool server that waits for its hello. */
  z.strictObject({ look_at: z.literal('boot'), id: z.uuid() }),
  /** A person's settlement that waits for its signature. */
  z.strictObject({ look_at: z.literal('settlement'), id: z.uuid() }),
  /** An adoption that waits for its signature. */
  z.strictObject({ look_at: z.literal('adoption'), id: z.uuid() }),
  /** A goal that was cancelled, paused or resumed. */
  z.strictObject({ look_at: z.literal('goal'), tenant: z.uuid(), id: GoalId }),
])
export type ResultRing = z.infer<typeof ResultRing>
