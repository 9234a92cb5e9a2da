import type { ProposedEffect } from '@chimera/contracts/effect'
import type { Mode } from '@chimera/contracts/goal'
import type { ApprovalState, ApprovalSubject } from '@chimera/contracts/judging/approval'
import type { Needs, Vote } from '@chimera/contracts/judging/verdict'

/** What an approval is good for, and nothing else (design.md section 6). */
export type Binding = {
  /** The effect's, or `resultKey` of the attempt whose result is approved. */
  readonly key: string
  readonly argsHash: string
  readonly account: string | null
  readonly mode: Mode
  readonly definitionHash: string | null
  readonly policyVersion: string
}

/** A request for a person's word as the record has it. */
export type Approval = Binding & {
  readonly id: string
  readonly versionId: string
  readonly subject: ApprovalSubject
  /** The row of the round that waits for it; null for a result. */
  readonly effectId: string | null
  readonly state: ApprovalState
  readonly args: ProposedEffect['args']
  readonly provenance: ProposedEffect['provenance']
  readonly requester: string
  readonly editor: string | null
  readonly needs: Needs
  readonly asked: readonly Vote[]
  /** By the clock of the database when it was read; at or below 0 it is over. */
  readonly leftMs: number
  /** Seconds since 1970. */
  readonly expiresAt: number
  readonly isWithdrawn: boolean
  /** Whether it was turned down with words to the Worker instead of for good. */
  readonly isResponse: boolean
  readonly reason: string | null
  readonly supersededBy: string | null
  /** Who approved, and whether that person may still approve now. */
  readonly approvers: readonly { readonly approver: string; readonly mayStill: boolean }[]
}

/** What a gate has to be told to ask people: the votes, and what they add up to. */
export type Ask = {
  readonly subject: ApprovalSubject
  readonly binding: Binding
  readonly slot: string | null
  readonly tool: string | null
  readonly args: ProposedEffect['args']
  readonly provenance: ProposedEffect['provenance']
  readonly asked: readonly Vote[]
  readonly needs: Needs
  /** Who put these arguments in the place of others, when it is asked anew. */
  readonly editor: string | null
  readonly costUsdMicros: bigint
  readonly confidence: number
}
