import type { TaskPhase } from '@chimera/contracts/agent-task'
import type { EffectState, ProposedEffect } from '@chimera/contracts/effect'
import type { GoalStatus, Mode, Trust } from '@chimera/contracts/goal'
import type { Label } from '@chimera/contracts/judging/provenance'
import type { Verdict } from '@chimera/contracts/judging/verdict'
import type { AttemptOutcome } from '@chimera/contracts/task-result'
import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'
import type { ToolState } from '@chimera/contracts/tool-control'
import type { WaitingOn } from '@chimera/contracts/waiting'

import type { PersonaInUse } from '../persona/default-persona.ts'
import type { ApprovalCheck } from './approvals/approval-checks.ts'
import type { Approval, Ask } from './approvals/approval.ts'
import type { Gate } from './gates/gate.ts'
import type { GivenOpinion } from './opinions/opinion-ahead.ts'
import type { PolicyScene } from './policy-of-effect.ts'
import type { Registry } from './registry.ts'

/** A task in REVIEW with the outcome of its current attempt, as the record has it. */
export type Attempt = {
  readonly taskId: string
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
  readonly phase: TaskPhase
  readonly attempt: number
  readonly rejections: number
  readonly maxAttempts: number
  /** Since its result came, by the clock of the database. */
  readonly waitedMs: number
  readonly outcome: AttemptOutcome
  /** Labels of memories that stood in its prompts; what is not there is untrusted. */
  readonly memories?: ReadonlyMap<string, Label>
  readonly goal: {
    readonly status: GoalStatus
    readonly mode: Mode
    readonly trust: Trust
    readonly agentId: string
    readonly campaignId: string | null
    readonly content: unknown
    /** What is paused that holds it back: itself, its agent, its campaign or its tenant. */
    readonly pausedBy: PausableKind | null
    readonly isCampaignCompleted: boolean
  }
}

/** What of the frozen plan and the world an attempt's proposed effects are held against. */
export type EffectScene = {
  /** Slots of the goal's frozen plan: slot -> tool. */
  readonly slots: ReadonlyMap<string, string>
  /** Rounds that the record has, newest last, by slot. */
  readonly rounds: ReadonlyMap<string, readonly Round[]>
  /** Accounts by tool, for this task's tenant and agent. */
  readonly accounts: ReadonlyMap<string, Account>
  /** Whether a stop covers this attempt on an account. */
  readonly isStopped: (account: string) => boolean
  /** The strictest kill level that covers this attempt; undefined when it is not known. */
  readonly killLevel: number | undefined
  /** What one grant more would wait for (see TaskMove); undefined when there is room for it. */
  readonly waitsFor: (account: string, tool: string) => string | undefined
  /** The tenant's address book. */
  readonly registry: Registry
  /** The tenant's policy; undefined when none can be read, and then nothing is allowed. */
  readonly policy: PolicyScene | undefined
  /** What people were asked and said about the slots and the result, in the order of asking. */
  readonly approvals: readonly Approval[]
  /** What an approval has to be; all of them but in negative controls. */
  readonly approvalChecks: readonly ApprovalCheck[]
  /** Who votes on proposed effects; all gates but in negative controls. */
  readonly gates: readonly Gate[]
  /** The rules that the verdict is made by; approvals and grants name them. */
  readonly policyVersion: string
  /** Whose voice the task speaks in. */
  readonly persona: PersonaInUse
  /** Whether an account has said of late, in another slot, what this slot is to say. */
  readonly isRepeat: (slot: string, account: string) => boolean
  /** What a model said of the result; undefined where none was asked. */
  readonly opinion?: GivenOpinion | undefined
}

export type Round = {
  readonly effectId: string
  readonly versionId: string
  readonly taskId: string
  readonly round: number
  readonly state: EffectState
  readonly argsHash: string
  readonly code: string | null
  /** What its grant rests on. */
  readonly approvals: readonly string[]
}

/** A tool server's account as the record knows it. */
export type Account = {
  readonly account: string
  readonly live: boolean
  readonly state: ToolState
  readonly reason: string | null
  readonly boot: string | null
  readonly ledgerId: string | null
  /** Tool -> definition hash. */
  readonly definitions: Readonly<Record<string, string>>
  /**
   * The last cooldown that it named for the tool within a day; `leftMs` is below 0 when it is over.
   */
  readonly cooldown: { readonly until: string; readonly leftMs: number } | null
}

/**
 * Grants of one account that may be out at once. A server acts on one after the other, and a grant
 * lives a minute: a thousand at once would mostly run out in the queue and be judged again.
 */
export const MAX_GRANTED = 100

/** How one task moves. */
export type TaskMove = {
  readonly taskId: string
  readonly tenantId: string
  readonly goalId: string
  readonly versionId: string
  readonly from: TaskPhase
  readonly to: TaskPhase
  readonly attempt: number
  /** Look again after this long, by the clock of the database. */
  readonly delayMs: number | null
  readonly waitingOn: WaitingOn | null
  /**
   * An account, or `<account> <tool>`, that has as many grants out as it may: one that comes back
   * wakes the task.
   */
  readonly waitsFor: string | null
  readonly failure: { readonly code: string; readonly message: string } | null
  readonly feedback: string | null
  /** True when the Judge turned the attempt down: it counts. */
  readonly isRejection: boolean
  readonly confidence: number | null
  readonly verdict: Verdict | null
}

/** A round that the Judge is about to grant, to ask people about, or to write down as denied. */
export type NewRound = {
  /** The row that waited for a person; undefined for a round that has none yet. */
  readonly existing: { readonly effectId: string; readonly versionId: string } | undefined
  readonly state: 'GRANTED' | 'AWAITING_APPROVAL' | 'DENIED' | 'EXPIRED'
  readonly slot: string
  readonly round: number
  readonly closedRounds: readonly number[]
  readonly effectKey: string
  readonly tool: string
  readonly args: ProposedEffect['args']
  readonly argsHash: string
  readonly provenance: ProposedEffect['provenance']
  readonly account: Account | undefined
  readonly mode: Mode
  readonly costUsdMicros: bigint
  readonly policyVersion: string
  /** What the grant rests on; it never lives longer than one of them. */
  readonly approvals: readonly Approval[]
  /** Set for a round that people are asked about now. */
  readonly ask: Ask | undefined
  /** Set for a round that is DENIED or EXPIRED. */
  readonly denied: { readonly code: string; readonly detail: string } | undefined
}

export type AttemptDecision = {
  readonly move: TaskMove
  readonly rounds: readonly NewRound[]
  /** What people are asked about the result itself; effects carry their own. */
  readonly ask?: Ask
  /** Approvals that a result passes on. */
  readonly restsOn?: readonly Approval[]
}

/** The fields of a move that a decision does not set. */
export const stay = (of: {
  taskId: string
  tenantId: string
  goalId: string
  versionId: string
  phase: TaskPhase
  attempt: number
}) => ({
  taskId: of.taskId,
  tenantId: of.tenantId,
  goalId: of.goalId,
  versionId: of.versionId,
  from: of.phase,
  attempt: of.attempt,
  delayMs: null,
  waitingOn: null,
  waitsFor: null,
  failure: null,
  feedback: null,
  isRejection: false,
  confidence: null,
  verdict: null,
})
