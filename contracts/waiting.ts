import { z } from 'zod'

/** Every goal and task that is not moving says what it waits for (design.md section 2). */
export const WaitingOn = z.strictObject({
  /**
   * For people: `cooldown of x:default`, `parent task`, `tool server x:default closed:
   * LEDGER_BEHIND`.
   */
  reason: z.string().max(500),
  /** When it will be looked at again, if a time is known (ISO 8601). */
  until: z.string().nullable(),
  /** What a person could do to unblock it, if anything. */
  unblock: z.string().nullable(),
})
export type WaitingOn = z.infer<typeof WaitingOn>
