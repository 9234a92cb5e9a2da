import { z } from 'zod'

const Imported = z.strictObject({
  entries: z.int(),
  same: z.int(),
  settled: z.int(),
  adopted: z.int(),
  made: z.int(),
  clients: z.int(),
})

const RestoredAccount = z.strictObject({
  account: z.string(),
  server: z.string(),
  /** The ledger that is in place now: the one on disk, the backup's copy, or none. */
  ledger: z.enum(['disk', 'backup', 'none']),
  ledger_id: z.string().nullable(),
  boot: z.string().nullable(),
  seq: z.int().nullable(),
  /** True when record and ledger were both rolled back, and why. */
  both_rolled_back: z.boolean(),
  reason: z.string().nullable(),
  /** Where the ledger lies that had been in place. */
  moved_aside: z.string().nullable(),
  imported: Imported,
  needs_human: z.int(),
  /** What record and ledger cannot both be right about. */
  differs: z.array(
    z.strictObject({
      effect_key: z.string(),
      round: z.int(),
      grant_id: z.string(),
      why: z.string(),
    }),
  ),
})
export type RestoredAccount = z.infer<typeof RestoredAccount>

/** `chimera restore --json`, and what the record keeps of it. */
export const RestoreReport = z.strictObject({
  incarnation: z.uuid(),
  previous: z.uuid(),
  backup_taken_at: z.string(),
  with_ledgers: z.boolean(),
  rows: z.record(z.string(), z.int()),
  /** Memories of agents that the Keeper brings back; nothing where all were in the record. */
  memories: z.int().optional(),
  fence: z.strictObject({ scope: z.string(), epoch: z.int() }),
  accounts: z.array(RestoredAccount),
  /** Goals that waited to be planned and were ended, because their plan may have been done. */
  goals_ended: z.array(z.string()),
  budgets: z.array(
    z.strictObject({
      tenant: z.string(),
      scope: z.string(),
      scope_id: z.string(),
      mode: z.string(),
      asset: z.string(),
      day: z.string(),
      reserved: z.string(),
      spent: z.string(),
      over_cap: z.boolean(),
    }),
  ),
  /** What a person has to do now, in order. */
  todo: z.array(z.string()),
})
export type RestoreReport = z.infer<typeof RestoreReport>
