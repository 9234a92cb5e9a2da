import { Mode } from '@chimera/contracts/goal'
import { CLOSED_WITHOUT_EFFECT, ReceiptState } from '@chimera/contracts/grant'
import { z } from 'zod'

/** A receipt's states, and the one between the claim and its outcome. */
export const EntryState = z.enum(['CLAIMED', ...ReceiptState.options])
export type EntryState = z.infer<typeof EntryState>

/** Whose effect it is; an outside client's has neither tenant nor goal. */
export const EntryScope = z.strictObject({
  tenant: z.string().optional(),
  agent: z.string().optional(),
  campaign: z.string().optional(),
  goal: z.string().optional(),
  task: z.string().optional(),
  slot: z.string().optional(),
  /** The principal of an outside client. */
  principal: z.string().optional(),
})
export type EntryScope = z.infer<typeof EntryScope>

const Facts = z.record(z.string(), z.string())
const Flag = z.literal([0, 1]).transform((flag) => flag === 1)
// Half of a row is null: a union would first fail, with its report, for each of them.
const text = z
  .string()
  .nullable()
  .transform((value) => value ?? undefined)
const integer = z
  .int()
  .nullable()
  .transform((value) => value ?? undefined)
const bytes = z
  .instanceof(Uint8Array)
  .nullable()
  .transform((value) => value ?? undefined)

/** One round of one slot as the ledger's table holds it, with the names of the code. */
export const Entry = z
  .object({
    effect_key: z.string(),
    round: z.int(),
    grant_id: z.string(),
    args_hash: z.string(),
    account: z.string(),
    tool: z.string(),
    mode: Mode,
    scope: z.string().transform((json) => EntryScope.parse(JSON.parse(json))),
    boot: z.string(),
    incarnation: z.string(),
    state: EntryState,
    code: text,
    detail: text,
    simulated: Flag,
    args: text,
    content: text,
    send_method: text,
    send_url: text,
    send_body: bytes,
    deadline_ms: z.int(),
    cost_usd_micros: text,
    claimed_ms: integer,
    claimed_wall_ms: integer,
    left_by_ms: integer,
    settled_ms: integer,
    provider_ref: text,
    url: text,
    retry_after_ms: integer,
    unseen_looks: z.int(),
    unseen_ms: integer,
    adopted_ms: integer,
    facts: z
      .string()
      .nullable()
      .transform((json) => (json === null ? {} : Facts.parse(JSON.parse(json)))),
    pending: Flag,
    seq: z.int(),
  })
  .transform((row) => ({
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    account: row.account,
    tool: row.tool,
    mode: row.mode,
    scope: row.scope,
    boot: row.boot,
    incarnation: row.incarnation,
    state: row.state,
    code: row.code,
    detail: row.detail,
    isSimulated: row.simulated,
    args: row.args,
    content: row.content,
    sendMethod: row.send_method,
    sendUrl: row.send_url,
    sendBody: row.send_body,
    deadlineMs: row.deadline_ms,
    costUsdMicros: row.cost_usd_micros,
    claimedMs: row.claimed_ms,
    claimedWallMs: row.claimed_wall_ms,
    leftByMs: row.left_by_ms,
    settledMs: row.settled_ms,
    providerRef: row.provider_ref,
    url: row.url,
    retryAfterMs: row.retry_after_ms,
    unseenLooks: row.unseen_looks,
    unseenMs: row.unseen_ms,
    adoptedMs: row.adopted_ms,
    /** What it can be looked up by; empty where nothing was said. */
    facts: row.facts,
    /** UNKNOWN, but in the provider's hands. */
    isPending: row.pending,
    seq: row.seq,
  }))
export type Entry = Readonly<z.infer<typeof Entry>>

const CLOSED: ReadonlySet<EntryState> = new Set(CLOSED_WITHOUT_EFFECT)

/** Whether this state proves that its round never acts and never acted. */
export const isClosedWithoutEffect = (state: EntryState): boolean => CLOSED.has(state)
