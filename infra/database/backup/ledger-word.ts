import type { EffectState } from '@chimera/contracts/effect'
import type { Mode } from '@chimera/contracts/goal'
import type { ReceiptClaims, ReceiptState } from '@chimera/contracts/grant'

/** What a ledger says of one round, as a restore imports it. */
export type LedgerWord = {
  readonly effectKey: string
  readonly round: number
  readonly grantId: string
  readonly argsHash: string
  readonly tool: string
  readonly mode: Mode
  /** Whose effect it is; an outside client's names no goal. */
  readonly scope: {
    readonly tenant?: string | undefined
    readonly agent?: string | undefined
    readonly campaign?: string | undefined
    readonly goal?: string | undefined
    readonly task?: string | undefined
    readonly slot?: string | undefined
  }
  readonly boot: string
  /** CLAIMED is UNKNOWN already: nobody lives who could still be acting. */
  readonly state: ReceiptState
  readonly code: string | null
  readonly detail: string | null
  readonly isSimulated: boolean
  readonly args: Record<string, unknown> | null
  readonly costUsdMicros: string | null
  readonly claimedAt: string | null
  readonly settledAt: string | null
  readonly providerRef: string | null
  readonly url: string | null
  readonly retryAfterMs: number | null
  readonly seq: number
}

/** The ledger that words come from. */
export type LedgerHead = {
  readonly account: string
  /** The tool server's name: the folder of its ledgers. */
  readonly server: string
  readonly ledgerId: string
  /** Its newest boot. */
  readonly boot: string
  readonly seq: number
  /** Oldest first. */
  readonly boots: readonly { readonly boot: string; readonly startedAt: string }[]
  readonly fences: readonly {
    readonly scope: string
    readonly epoch: number
    readonly stopped: boolean
  }[]
  /** Scope -> kill epoch. */
  readonly kill: Readonly<Record<string, number>>
}

/** A round of a slot as the record has it. */
export type RecordedRound = {
  readonly id: string
  readonly tenantId: string
  readonly round: number
  readonly grantId: string | null
  readonly state: EffectState
  readonly receiptState: string | null
}

/** The receipt that the ledger would sign of this round: what the record keeps beside the state. */
export const receiptOf = (word: LedgerWord, ledger: LedgerHead, nowMs: number): ReceiptClaims => ({
  iss: ledger.account,
  iat: Math.floor(nowMs / 1000),
  ledger_id: ledger.ledgerId,
  boot: ledger.boot,
  seq: word.seq,
  grant_id: word.grantId,
  effect_key: word.effectKey,
  round: word.round,
  args_hash: word.argsHash,
  tool: word.tool,
  mode: word.mode,
  state: word.state,
  ...(word.code === null ? {} : { code: word.code }),
  ...(word.detail === null ? {} : { detail: word.detail.slice(0, 1000) }),
  ...(word.providerRef === null ? {} : { provider_ref: word.providerRef }),
  ...(word.url === null ? {} : { url: word.url }),
  ...(word.retryAfterMs === null ? {} : { retry_after_ms: word.retryAfterMs }),
  ...(word.costUsdMicros === null ? {} : { cost_usd_micros: word.costUsdMicros }),
  simulated: word.isSimulated,
  ...(word.claimedAt === null ? {} : { claimed_at: word.claimedAt }),
  ...(word.settledAt === null ? {} : { settled_at: word.settledAt }),
})
