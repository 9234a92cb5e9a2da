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
const flag = z.literal([0, 1])
// Half of a row is null: what takes its place is put there once, below, and not field by field.
const text = z.string().nullable()
const integer = z.int().nullable()
const own = <T>(value: T | null): T | undefined => value ?? undefined

/** What it can be looked up by; empty where nothing was said. */
const factsOf = (json: string | null): z.infer<typeof Facts> =>
  json === null ? {} : Facts.parse(JSON.parse(json))

/** One round of one slot as the ledger's table holds it. */
const EntryRow = z.object({
  effect_key: z.string(),
  round: z.int(),
  grant_id: z.string(),
  args_hash: z.string(),
  account: z.string(),
  tool: z.string(),
  mode: Mode,
  scope: z.string(),
  boot: z.string(),
  incarnation: z.string(),
  state: EntryState,
  code: text,
  detail: text,
  simulated: flag,
  args: text,
  content: text,
  send_method: text,
  send_url: text,
  send_body: z.custom<Uint8Array>((value) => value instanceof Uint8Array).nullable(),
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
  facts: text,
  pending: flag,
  seq: z.int(),
})
export type EntryRow = z.infer<typeof EntryRow>

/** A row with the names of the code. */
export function entryOf(row: EntryRow) {
  return {
    effectKey: row.effect_key,
    round: row.round,
    grantId: row.grant_id,
    argsHash: row.args_hash,
    account: row.account,
    tool: row.tool,
    mode: row.mode,
    scope: EntryScope.parse(JSON.parse(row.scope)),
    boot: row.boot,
    incarnation: row.incarnation,
    state: row.state,
    code: own(row.code),
    detail: own(row.detail),
    isSimulated: row.simulated === 1,
    args: own(row.args),
    content: own(row.content),
    sendMethod: own(row.send_method),
    sendUrl: own(row.send_url),
    sendBody: own(row.send_body),
    deadlineMs: row.deadline_ms,
    claimedMs: own(row.claimed_ms),
    claimedWallMs: own(row.claimed_wall_ms),
    settledMs: own(row.settled_ms),
    providerRef: own(row.provider_ref),
    url: own(row.url),
    retryAfterMs: own(row.retry_after_ms),
    unseenLooks: row.unseen_looks,
    unseenMs: own(row.unseen_ms),
    adoptedMs: own(row.adopted_ms),
    ...movedOf(row),
    /** UNKNOWN, but in the provider's hands. */
    isPending: row.pending === 1,
    seq: row.seq,
  }
}

/** Of a row that was settled, what the file may know better than whoever settled it. */
export const Moved = EntryRow.pick({ left_by_ms: true, facts: true, cost_usd_micros: true })

/** The same with the names of the code. */
export const movedOf = (row: z.infer<typeof Moved>) => ({
  leftByMs: own(row.left_by_ms),
  facts: factsOf(row.facts),
  costUsdMicros: own(row.cost_usd_micros),
})

/** A row that was read. */
export const Entry = EntryRow.transform(entryOf)
export type Entry = Readonly<ReturnType<typeof entryOf>>

const CLOSED: ReadonlySet<EntryState> = new Set(CLOSED_WITHOUT_EFFECT)

/** Whether this state proves that its round never acts and never acted. */
export const isClosedWithoutEffect = (state: EntryState): boolean => CLOSED.has(state)
