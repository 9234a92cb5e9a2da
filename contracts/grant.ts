import { z } from 'zod'

import { Mode } from './goal.ts'
import { KillEpochs } from './judging/kill.ts'

/**
 * The signed words between record and ledger (design.md section 5): grant, hello and void by the
 * Judge, receipt by the tool server. All are compact JWS with EdDSA; `typ` tells them apart, so
 * none can be taken for another.
 */
export const JWS_TYPE = {
  grant: 'chimera-grant+jwt',
  hello: 'chimera-hello+jwt',
  void: 'chimera-void+jwt',
  receipt: 'chimera-receipt+jwt',
  settle: 'chimera-settle+jwt',
  adopt: 'chimera-adopt+jwt',
} as const

/** A grant lives at most this long; the server's own clock decides. */
export const GRANT_SECONDS = 60

/** Hidden in `tools/call` and its result under these `_meta` names. */
export const META_GRANT = 'chimera/grant'
export const META_RECEIPT = 'chimera/receipt'
/** The key of an outside client for one intent (same intent = same key, also when retrying). */
export const META_IDEMPOTENCY_KEY = 'chimera/idempotency-key'

const Hash = z.string().regex(/^[0-9a-f]{64}$/)
const Seconds = z.int().positive()

/**
 * Scope -> epoch, for example `{"everything": 3}`. A lower epoch than the server's never claims.
 */
export const FenceEpochs = z.record(z.string().max(200), z.int().nonnegative())
export type FenceEpochs = z.infer<typeof FenceEpochs>

/** Limits that the server holds this one call to, over its own. */
export const GrantLimits = z.strictObject({
  /** False allows a post without the AI label (X17). */
  ai_label_required: z.boolean().default(true),
  max_cost_usd_micros: z.string().optional(),
})
export type GrantLimits = z.infer<typeof GrantLimits>

/** What names one round of one slot, in every signed word about it. */
const Round = {
  effect_key: Hash,
  round: z.int().min(1),
  args_hash: Hash,
}

const Scope = {
  tenant: z.string(),
  agent: z.string(),
  campaign: z.string().optional(),
  goal: z.string(),
  task: z.string(),
  slot: z.string(),
}

/**
 * What a ledger that is lost would take with it: by what an effect can be looked up at its provider
 * (nonce, hash, order id), and what of it counts in the caps of the account. A receipt carries it
 * to the record, an adoption back.
 */
const Remembered = {
  facts: z.record(z.string().max(64), z.string().max(4_000)).optional(),
  spends: z
    .array(
      z.strictObject({
        asset: z.string(),
        /** In base units. */
        amount: z.string().regex(/^\d{1,80}$/),
        usd_micros: z.string().regex(/^\d{1,80}$/),
        recipient: z.string().optional(),
      }),
    )
    .max(16)
    .optional(),
}

/** The Judge's permission for exactly one round of one slot at one boot of one ledger. */
export const GrantClaims = z.strictObject({
  iss: z.literal('judge'),
  /** Grant id, random. */
  jti: z.uuid(),
  iat: Seconds,
  exp: Seconds,
  /** The account. */
  aud: z.string(),
  ledger_id: z.uuid(),
  boot: z.uuid(),
  incarnation: z.uuid(),
  ...Round,
  /** Rounds of the slot that the record knows closed without effect. */
  closed_rounds: z.array(z.int().min(1)).max(1000),
  tool: z.string(),
  definition_hash: Hash,
  ...Scope,
  mode: Mode,
  limits: GrantLimits,
  approvals: z.array(z.string()).max(16),
  policy_version: z.string(),
  fences: FenceEpochs,
})
export type GrantClaims = z.infer<typeof GrantClaims>

/** The word that opens a server after a start. */
export const HelloClaims = z.strictObject({
  iss: z.literal('judge'),
  iat: Seconds,
  aud: z.string(),
  ledger_id: z.uuid(),
  boot: z.uuid(),
  incarnation: z.uuid(),
  fences: FenceEpochs,
  /** Signed, so that these alone may lower what a ledger holds. */
  kill: KillEpochs.default({}),
  /** Boots of this account that the record knows, oldest first, this one included. */
  known_boots: z.array(z.uuid()).max(100_000),
  /** The highest ledger sequence number in any receipt that the record has. */
  highest_seq: z.int().nonnegative(),
})
export type HelloClaims = z.infer<typeof HelloClaims>

/** The Judge's question whether a grant may be taken for dead; only the ledger answers. */
export const VoidClaims = z.strictObject({
  iss: z.literal('judge'),
  jti: z.uuid(),
  iat: Seconds,
  aud: z.string(),
  /** The boot that is asked: an answer of another boot proves nothing. */
  boot: z.uuid(),
  ledger_id: z.uuid(),
  incarnation: z.uuid(),
  grant_id: z.uuid(),
  /** The boot that the grant was made for. */
  granted_boot: z.uuid(),
  granted_at: Seconds,
  ...Round,
  tool: z.string(),
  ...Scope,
  mode: Mode,
  reason: z.enum(['expired', 'cancelled', 'stopped', 'rejected', 'boot_changed']),
})
export type VoidClaims = z.infer<typeof VoidClaims>

/**
 * A person's word on an effect that no provider could tell of (`chimera effect settle`), signed
 * by the Judge after its rules. The tool server writes it and answers with a receipt.
 */
export const SettleClaims = z.strictObject({
  iss: z.literal('judge'),
  jti: z.uuid(),
  iat: Seconds,
  aud: z.string(),
  boot: z.uuid(),
  ledger_id: z.uuid(),
  incarnation: z.uuid(),
  grant_id: z.uuid(),
  ...Round,
  outcome: z.enum(['happened', 'did_not_happen']),
  /** The provider's reference, when it happened. */
  provider_ref: z.string().max(256).optional(),
  reason: z.string().min(1).max(1000),
  /** Who said so. */
  actor: z.string().max(128),
})
export type SettleClaims = z.infer<typeof SettleClaims>

/** The most effects that one word of an adoption carries, and the most words. */
export const MAX_ADOPTED = 2_000
export const MAX_ADOPTION_PAGES = 10

/**
 * What the record knows of an account whose ledger was lost or is older (`chimera tools adopt`):
 * every effect that may have been sent, and those that still count in windows and cooldown. More
 * than one word holds comes in pages, in order; the ledger is adopted with the last one.
 */
export const AdoptClaims = z.strictObject({
  iss: z.literal('judge'),
  /** The same for all pages. */
  jti: z.uuid(),
  /** Absent: the only one. */
  page: z
    .strictObject({
      n: z.int().positive(),
      of: z.int().positive().max(MAX_ADOPTION_PAGES),
    })
    .optional(),
  iat: Seconds,
  aud: z.string(),
  boot: z.uuid(),
  ledger_id: z.uuid(),
  incarnation: z.uuid(),
  /** Boots of this account that the record knows, oldest first; on the last page. */
  known_boots: z.array(z.uuid()).max(100_000),
  highest_seq: z.int().nonnegative(),
  effects: z
    .array(
      z.strictObject({
        grant_id: z.uuid(),
        ...Round,
        tool: z.string(),
        ...Scope,
        mode: Mode,
        args: z.record(z.string(), z.unknown()),
        /** CONFIRMED ones count in windows only; all others become UNKNOWN and are looked up. */
        state: z.enum(['GRANTED', 'UNKNOWN', 'NEEDS_HUMAN', 'CONFIRMED']),
        provider_ref: z.string().max(256).optional(),
        ...Remembered,
        granted_boot: z.uuid(),
        granted_at: Seconds,
        /** ISO 8601, when the ledger had claimed it, if a receipt said so. */
        claimed_at: z.string().optional(),
        settled_at: z.string().optional(),
      }),
    )
    .max(MAX_ADOPTED),
})
export type AdoptClaims = z.infer<typeof AdoptClaims>

/** What the ledger says of a grant. */
export const ReceiptState = z.enum([
  'CONFIRMED',
  'REFUSED',
  'NOT_SENT',
  'UNKNOWN',
  'NOT_HAPPENED',
  'NEEDS_HUMAN',
  'VOID',
])
export type ReceiptState = z.infer<typeof ReceiptState>

/** States that prove: this round never acts and never acted. */
export const CLOSED_WITHOUT_EFFECT = ['REFUSED', 'NOT_SENT', 'NOT_HAPPENED', 'VOID'] as const

/** The tool server's signed word on what happened; the only thing that settles an effect. */
export const ReceiptClaims = z.strictObject({
  /** The account. */
  iss: z.string(),
  iat: Seconds,
  ledger_id: z.uuid(),
  boot: z.uuid(),
  /** Number of the ledger commit that this states. */
  seq: z.int().positive(),
  grant_id: z.uuid(),
  ...Round,
  tool: z.string(),
  mode: Mode,
  state: ReceiptState,
  /** Why, when it is not CONFIRMED: a code of `errors.ts`. */
  code: z.string().optional(),
  detail: z.string().max(1000).optional(),
  provider_ref: z.string().max(256).optional(),
  url: z.string().max(500).optional(),
  /** When a further round may be worth it (cooldown, provider's rate limit). */
  retry_after_ms: z.int().nonnegative().optional(),
  cost_usd_micros: z.string().regex(/^\d+$/).optional(),
  /** True for a simulated back end and for dry mode. */
  simulated: z.boolean(),
  ...Remembered,
  /** ISO 8601, by the ledger's clock; absent for a VOID. */
  claimed_at: z.string().optional(),
  settled_at: z.string().optional(),
})
export type ReceiptClaims = z.infer<typeof ReceiptClaims>

/** Payload of an entry on `chimera:effects`. Informs only: the Worker carries the row's grant. */
export const EffectGrant = z.strictObject({
  effect_id: z.uuid(),
  grant_id: z.uuid(),
  account: z.string(),
  tool: z.string(),
  grant: z.string(),
})
export type EffectGrant = z.infer<typeof EffectGrant>
