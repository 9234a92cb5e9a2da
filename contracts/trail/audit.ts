import { z } from 'zod'

/** One transition inside an audit entry (design.md section 7). */
export const AuditItem = z.strictObject({
  subject: z.enum([
    'goal',
    'task',
    'effect',
    'approval',
    'boot',
    'fence',
    'kill',
    'letter',
    'token',
    'tenant',
    'user',
    'agent',
    'campaign',
    'policy',
    'budget',
    'registry',
    'persona',
    'circuit',
    'memory',
  ]),
  id: z.string().max(200),
  attempt: z.int().nonnegative().optional(),
  from: z.string().max(64).nullable(),
  to: z.string().max(64),
  /** SHA-256 of the canonical input and output of the transition, where there is one. */
  input: z.string().optional(),
  output: z.string().optional(),
  /** Of a kill level: whether a rule of the house raised it, and not a person. */
  auto: z.boolean().optional(),
  /** A reason or code for people. */
  note: z.string().max(500).optional(),
})
export type AuditItem = z.infer<typeof AuditItem>

/**
 * A transition as it was noted, whose it is, and the goal that it belongs to where its subject is
 * none: for the feed. The entry does not repeat it, for the row that moved names its goal.
 */
export type NotedItem = Readonly<{ tenantId: string; item: AuditItem; goalId?: string }>

/** One entry per transaction and tenant; each row carries the id of the entry that moved it. */
export const AuditEntry = z.strictObject({
  id: z.uuid(),
  tenant_id: z.uuid(),
  actor: z.string().max(128),
  items: z.array(AuditItem).min(1),
})
export type AuditEntry = z.infer<typeof AuditEntry>
