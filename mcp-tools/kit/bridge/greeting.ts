import { z } from 'zod'

/**
 * The holder's first line on every connection, before any MCP message: a bridge believes a socket
 * only when its holder answers, and knows by it what it would be a bridge to.
 */
export const Greeting = z.strictObject({
  chimera: z.literal('holder'),
  account: z.string(),
  ledger_id: z.uuid(),
  grants: z.enum(['required', 'off']),
  /** Whether it serves HTTP as well: that takes tokens. */
  http: z.boolean(),
  /** Whom a person has to end where nobody may be its bridge. */
  pid: z.int(),
})
export type Greeting = z.infer<typeof Greeting>
