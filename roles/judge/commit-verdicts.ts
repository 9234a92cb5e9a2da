import type { Attempt, AttemptDecision, EffectScene } from '@chimera/domain/judging/attempt'
import { appendAudit, type AuditDraft, draftAudit } from '@chimera/infra/database/append-audit'
import {
  type ApprovalRow,
  cancelApprovals,
  insertApprovals,
} from '@chimera/infra/database/approvals/insert-approvals'
import { recordReservations } from '@chimera/infra/database/budgets/reserve-budgets'
import { type RoundRow, insertRounds } from '@chimera/infra/database/judging/insert-rounds'
import type { LoadedScene } from '@chimera/infra/database/judging/load-scene'
import { lockAttempts } from '@chimera/infra/database/judging/lock-attempts'
import {
  LostMoveError,
  type ReadyTask,
  moveTasks,
} from '@chimera/infra/database/judging/move-tasks'
import type { Database, Sql } from '@chimera/infra/database/open-database'

import type { Announcement } from './announce.ts'
import { APPROVAL_RULES, type ApprovalRules } from './approval-rules.ts'
import { assertApproved, assertFresh, assertUnsaid } from './assert-fresh.ts'
import type { EffectLine } from './budget-requests.ts'
import { isModelMade, rememberLessons } from './memories/remember-lessons.ts'
import type { OpinionQuestion } from './opinions/ask-opinion.ts'
import { claimAsks } from './opinions/opinions-in-batch.ts'
import type { Policies } from './policies.ts'
import { reserveForGrants } from './reserve-for-grants.ts'

/** What committing needs. */
export type CommitDeps = {
  readonly database: Database
  /** Written into audit entries. */
  readonly actor: string
  /** For negative controls: what an approval has to be; all of it otherwise. */
  readonly approvalRules?: ApprovalRules
  /** For so many days an account does not say the same again without a person; 0: it may. */
  readonly repeatDays: number
}

/** A decision whose rounds have been signed, ready for the one transaction. */
export type Prepared = {
  readonly attempt: Attempt
  readonly decision: AttemptDecision
  readonly scene: EffectScene
  readonly rounds: readonly RoundRow[]
  /** What people are asked for. */
  readonly requests: readonly ApprovalRow[]
  /** Approvals that grants, or the result itself, rest on. */
  readonly restsOn: readonly { id: string; versionId: string }[]
  /** What a model is asked before the task is judged. */
  readonly question: OpinionQuestion | undefined
  /** Whether people may be asked for something that the task does not wait for any more. */
  readonly mayBeAsked: boolean
}

/** What grants were weighed by; undefined where no result proposes anything. */
type JudgedBy = { readonly scene: LoadedScene; readonly policies: Policies } | undefined

/**
 * Commits decisions in one transaction: as if nobody else judged the same tasks, and where somebody
 * did, once more step by step. Answers what is to be announced.
 */
export async function commitVerdicts(
  deps: CommitDeps,
  prepared: readonly Prepared[],
  judgedBy: JudgedBy,
): Promise<Announcement> {
  const commitAs = (eager: boolean): Promise<Announcement> =>
    deps.database.transaction((tx) => commit(deps, tx, prepared, { eager, judgedBy }))
  try {
    return await commitAs(true)
  } catch (error) {
    if (error instanceof LostMoveError) return commitAs(false)
    throw error
  }
}

/** Who may still be moved, and what of the budgets was reserved for their grants. */
async function holdWinners(
  deps: CommitDeps,
  tx: Sql,
  of: { prepared: readonly Prepared[]; judgedBy: JudgedBy; audit: AuditDraft },
): Promise<{ won: readonly Prepared[]; lines: readonly EffectLine[] }> {
  const { prepared, judgedBy, audit } = of
  // Whose rows have to be held before anything else is written for them.
  const weighs = (one: Prepared): boolean =>
    one.rounds.length + one.requests.length + one.restsOn.length > 0
  const withRounds = prepared.filter(weighs)
  const granting = withRounds.some(({ rounds }) => rounds.some((row) => row.grant !== null))
  let won = prepared
  let lines: readonly EffectLine[] = []
  if (withRounds.length > 0) {
    // Who lost the race must not reserve anything: rows are locked before the budget is asked.
    const held = await lockAttempts(
      tx,
      withRounds.map(({ attempt }) => attempt),
    )
    won = prepared.filter((one) => !weighs(one) || held.has(one.attempt.taskId))
  }
  await assertApproved(
    tx,
    won.flatMap(({ restsOn }) => restsOn),
    (deps.approvalRules ?? APPROVAL_RULES).hold,
  )
  if (granting && judgedBy !== undefined) {
    const granted = withRounds.map(({ attempt }) => attempt)
    await assertFresh(tx, judgedBy.scene, granted)
    await judgedBy.policies.assertFresh(
      tx,
      won.filter(({ rounds }) => rounds.some((row) => row.grant !== null)),
    )
    await assertUnsaid(tx, judgedBy.scene, { rounds: won.flatMap(roundsOf), ...deps })
    const { nowMs } = judgedBy.scene
    const { pricesOf } = judgedBy.policies
    const reserved = await reserveForGrants(tx, { prepared: won, nowMs, audit, pricesOf })
    won = reserved.prepared
    lines = reserved.lines
  }
  return { won, lines }
}

async function commit(
  deps: CommitDeps,
  tx: Sql,
  prepared: readonly Prepared[],
  { eager, judgedBy }: { eager: boolean; judgedBy: JudgedBy },
): Promise<Announcement> {
  const audit = draftAudit()
  const { won, lines } = await holdWinners(deps, tx, { prepared, judgedBy, audit })
  const { ready, replan, moved } = await moveTasks(
    tx,
    won.map(({ decision }) => decision.move),
    audit,
    { eager },
  )
  const rounds = won.flatMap(roundsOf)
  await insertRounds(tx, rounds, audit)
  await judgedBy?.policies.record(tx, rounds)
  await cancelApprovals(tx, { taskIds: won.filter(leavesPeople).map(taskOf) }, audit)
  await insertApprovals(
    tx,
    won.flatMap((one) => one.requests),
    audit,
  )
  await recordReservations(tx, lines)
  const done = won.filter(({ decision: { move } }) => move.to === 'done' && moved.has(move.taskId))
  await rememberLessons(
    tx,
    done.map(({ attempt }) => ({ taskId: attempt.taskId, isModelMade: isModelMade(attempt) })),
  )
  const asks = await claimAsks(
    tx,
    won.filter(({ attempt }) => moved.has(attempt.taskId)),
    audit,
  )
  await appendAudit(tx, audit, deps.actor)
  const grants = rounds.flatMap(toGrant)
  return { grants, ready: readyOf(ready), replan, asks, audit: audit.items() }
}

const roundsOf = ({ rounds }: Prepared): readonly RoundRow[] => rounds

const taskOf = ({ attempt }: Prepared): string => attempt.taskId

/** Whatever its people were asked for, the task has gone on without it. */
const leavesPeople = ({ mayBeAsked, decision: { move } }: Prepared): boolean =>
  mayBeAsked && move.to !== 'awaiting_approval' && move.to !== 'judging'

const readyOf = (ready: readonly ReadyTask[]) => ready.map(({ taskId }) => taskId)

function toGrant(row: RoundRow): Announcement['grants'] {
  if (row.grant === null || row.account === null) return []
  const { effectId, tenantId, account, tool, grant } = row
  return [{ effectId, tenantId, account, tool, grantId: grant.id, jws: grant.jws }]
}
