import { z } from 'zod'

import { FenceEpochs } from './grant.ts'
import { KillEpochs, KillLevel, KillScope } from './judging/kill.ts'

/** Closed until the hello; fenced while a stop covers everything it does. */
export const ToolState = z.enum(['open', 'closed', 'fenced'])
export type ToolState = z.infer<typeof ToolState>

/** `GET /control/status` of a tool server. */
export const ToolStatus = z.strictObject({
  name: z.string(),
  account: z.string(),
  backend: z.string(),
  /** True when the back end is not a simulation. */
  live: z.boolean(),
  grants: z.enum(['required', 'off']),
  state: ToolState,
  reason: z.string().optional(),
  ledger: z.strictObject({
    id: z.uuid(),
    boot: z.uuid(),
    seq: z.int().nonnegative(),
    path: z.string(),
  }),
  incarnation: z.uuid().optional(),
  fences: FenceEpochs,
  /** Kill levels, as epochs (contracts/judging/kill.ts). */
  kill: KillEpochs.default({}),
  /** Tool name -> hash of its whole definition (RFC 8785 of what `tools/list` shows). */
  definitions: z.record(z.string(), z.string()),
})
export type ToolStatus = z.infer<typeof ToolStatus>

/** `POST /control/hello`: the signed hello; answers with ToolStatus. */
export const HelloBody = z.strictObject({ hello: z.string() })
/** `POST /control/void`: the signed question; answers with ReceiptsReply of one receipt. */
export const VoidBody = z.strictObject({ void: z.string() })
/**
 * `POST /control/reconcile`: settle UNKNOWN entries by asking the provider; all when none is
 * named.
 */
export const ReconcileBody = z.strictObject({ grant_ids: z.array(z.uuid()).max(500).optional() })
/**
 * `POST /control/fence`: raise a fence, or resume at a higher epoch. Durable before the answer.
 * Without an epoch, one above the server's own: for a stop while the record is away; the Keeper
 * takes the server's higher epoch into the record later. A resume needs its epoch.
 */
export const FenceBody = z.strictObject({
  scope: z.string().max(200),
  epoch: z.int().positive().optional(),
  stopped: z.boolean(),
})
/** What was sent before the fence and is still open. */
export const FenceReply = z.strictObject({
  epoch: z.int(),
  in_flight: z.array(z.string()),
})
export type FenceReply = z.infer<typeof FenceReply>
/** Compact JWS receipts. `next_in_ms`: when asking again can bring something new. */
export const ReceiptsReply = z.strictObject({
  receipts: z.array(z.string()),
  next_in_ms: z.int().nonnegative().optional(),
})
export type ReceiptsReply = z.infer<typeof ReceiptsReply>

/**
 * `GET` and `POST /control/kill`: the kill levels that the account is under (requirements 4.4).
 * Whoever may stop may raise them; only the operator's own token lowers them, and says why.
 * Durable before the answer.
 */
export const KillBody = z.strictObject({
  scope: KillScope.default('everything'),
  level: KillLevel,
  /** What the record made of it; without one the server counts for itself. */
  epoch: z.int().nonnegative().optional(),
  /** Of a word that may be late: nothing happens unless its epoch is newer and no lower level. */
  if_newer: z.boolean().default(false),
  reason: z.string().min(1).max(500),
  /** Who says so. */
  actor: z.string().min(1).max(128).default('operator'),
})
export const KillReply = z.strictObject({
  /** Of everything. */
  level: KillLevel,
  /** Of all scopes, as epochs. */
  epochs: KillEpochs,
  /** Sent before it rose, and still open. */
  in_flight: z.array(z.string()),
  /** The steps of everything, the newest first; none: it has always been 0. */
  history: z.array(
    z.strictObject({
      level: z.int(),
      reason: z.string(),
      actor: z.string(),
      at: z.string(),
    }),
  ),
})
export type KillReply = z.infer<typeof KillReply>

/** One line of `GET /control/ledger` and `chimera tools ledger <name> --jsonl`. */
export const LedgerLine = z.strictObject({
  effect_key: z.string(),
  round: z.int(),
  grant_id: z.string(),
  args_hash: z.string(),
  state: z.string(),
  claimed_at: z.string().nullable(),
  boot: z.string(),
  record_incarnation: z.string(),
  seq: z.int(),
})
export type LedgerLine = z.infer<typeof LedgerLine>

/** `POST /control/settle`: a person's signed word; answers with ReceiptsReply of one receipt. */
export const SettleBody = z.strictObject({ settle: z.string() })
/** `POST /control/adopt`: the record's signed knowledge; answers with ToolStatus. */
export const AdoptBody = z.strictObject({ adopt: z.string() })
