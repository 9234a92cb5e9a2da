import { RoleView, SimulatedView } from '@chimera/contracts/observable'
import { z } from 'zod'

/** What a running supervisor says of itself; `chimera status` adds what the record says. */
export const StackReport = z.strictObject({
  state: z.enum(['starting', 'running', 'stopping']),
  state_dir: z.string(),
  pid: z.int(),
  urls: z.strictObject({
    gateway: z.string(),
    redis: z.string(),
    /**
     * With the password: it is for scripts, and the socket that answers this is its owner's only.
     */
    postgres: z.string(),
    /** Where memories are, when it is not PostgreSQL. */
    weaviate: z.string().optional(),
    /** Where MCP clients hand goals to the swarm. */
    swarm: z.string().optional(),
  }),
  token_file: z.string(),
  roles: z.array(RoleView),
  tools: z.array(
    z.strictObject({
      name: z.string(),
      account: z.string(),
      pid: z.int().nullable(),
      url: z.string(),
      backend: z.string(),
      ledger: z.string(),
      restarts: z.int(),
      /** Why it is not up, where another process is in its way. */
      reason: z.string().optional(),
    }),
  ),
  simulated: z.array(SimulatedView),
  /** Where memories are, and why there when Weaviate is not; nothing before it is known. */
  memory: z
    .strictObject({ backend: z.enum(['postgres', 'weaviate']), reason: z.string().optional() })
    .optional(),
  servers: z.array(
    z.strictObject({ name: z.string(), pid: z.int().nullable(), restarts: z.int() }),
  ),
})
export type StackReport = z.infer<typeof StackReport>
