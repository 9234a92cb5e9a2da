import { APPROVAL_TTL_MS } from '@chimera/contracts/judging/approval'
import { confidenceVote } from '@chimera/domain/confidence'
import type { Attempt, AttemptDecision, EffectScene } from '@chimera/domain/judging/attempt'
import type { Gate } from '@chimera/domain/judging/gates/gate'
import { ALL_GATES } from '@chimera/domain/judging/gates/gates'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import {
  type ApprovalRow,
  cancelApprovals,
  insertApprovals,
} from '@chimera/infra/database/approvals/insert-approvals'
import { loadApprovals } from '@chimera/infra/database/approvals/load-approvals'
import { recordReservations } from '@chimera/infra/database/budgets/reserve-budgets'
import { type RoundRow, insertRounds } from '@chimera/infra/database/judging/insert-rounds'
import { loadAttempts } from '@chimera/infra/database/judging/load-attempts'
import { type LoadedScene, loadScene } from '@chimera/infra/database/judging/load-scene'
import { lockAttempts } from '@chimera/infra/database/judging/lock-attempts'
import { type ReadyTask, moveTasks } from '@chimera/infra/database/judging/move-tasks'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import type { Announcement } from './announce.ts'
import { APPROVAL_RULES, type ApprovalRules } from './approval-rules.ts'
import { askPeople } from './ask-people.ts'
import { assertApproved, assertFresh, assertUnsaid } from './assert-fresh.ts'
import type { EffectLine } from './budget-requests.ts'
import { inBatch } from './in-batch.ts'
import { isModelMade, rememberLessons } from './memories/remember-lessons.ts'
import { withLabels } from './memories/with-labels.ts'
import type { OpinionQuestion } from './opinions/ask-opinion.ts'
import type { OpinionDesk } from './opinions/opinion-desk.ts'
import { claimAsks, openOpinions } from './opinions/opinions-in-batch.ts'
import { Policies } from './policies.ts'
import { reserveForGrants } from './reserve-for-grants.ts'
import { openSaid } from './said-in-batch.ts'
import { type ApprovalScene, openRoom, sceneFor } from './scene.ts'
import { signRounds } from './sign-rounds.ts'

export type JudgeTasksDeps = {
  readonly database: Database
  readonly words: JudgeWords
  /** Written into audit entries. */
  readonly actor: string
  /** Grants of one account that may be out at once. */
  readonly maxGranted: number
  /** How long people have to answer. */
  readonly approvalTtlMs?: number
  /** For negative controls: what an approval has to be; all of it otherwise. */
  readonly approvalRules?: ApprovalRules
  /** For negative controls: who votes on proposed effects; all gates otherwise. */
  readonly gates?: readonly Gate[]
  /** For so many days an account does not say the same again without a person; 0: it may. */
  readonly repeatDays: number
  /** Where models are asked for opinions; without it the rules decide alone. */
  readonly opinions?: Pick<OpinionDesk, 'take'> | undefined
  readonly crash: (label: 'judge.verdict.before_commit' | 'judge.verdict.committed') => void
}

/** A decision whose rounds have been signed, ready for the one transaction. */
type Prepared = {
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

/** Nearly every result proposes nothing and is certain: nobody is asked, and nothing is read. */
const mayNeedPeople = ({ outcome }: Attempt): boolean =>
  outcome.outcome === 'result' &&
  (outcome.result.proposed_effects.length > 0 ||
    confidenceVote(outcome.result.confidence).vote === 'needs_person')

/**
 * Judges the given tasks in one transaction: verdicts, budget, grants, children, goals, audit.
 * Losers of a race are left to their next ring. Throws StaleSceneError when a stop or a boot came
 * in between, so that the caller judges again. Sees the rows of the tasks' tenants alone.
 */
export async function judgeTasks(
  deps: JudgeTasksDeps,
  taskIds: readonly string[],
): Promise<Announcement> {
  return inBatch(deps, { keys: [{ of: 'tasks', ids: taskIds }] }, (own) => judgeOwn(own, taskIds))
}

async function judgeOwn(deps: JudgeTasksDeps, taskIds: readonly string[]): Promise<Announcement> {
  const attempts = await withLabels(deps.database, await loadAttempts(deps.database, taskIds))
  if (attempts.length === 0) return { grants: [], ready: [], replan: [], audit: [] }
  const acting = attempts.filter(
    ({ outcome }) => outcome.outcome === 'result' && outcome.result.proposed_effects.length > 0,
  )
  const scene = acting.length > 0 ? await loadScene(deps.database, acting, deps) : undefined
  const answers: ApprovalScene = {
    approvals: await loadApprovals(deps.database, attempts.filter(mayNeedPeople)),
    checks: (deps.approvalRules ?? APPROVAL_RULES).checks,
    gates: deps.gates ?? ALL_GATES,
  }
  const policies = scene && (await Policies.open(deps.database, acting, { scene, ...answers }))
  const prepared: Prepared[] = []
  const room = openRoom(scene, deps.maxGranted)
  const said = openSaid(deps.repeatDays > 0)
  const opinions = await openOpinions(deps.database, acting, deps.opinions !== undefined)
  for (const attempt of attempts) {
    const { waitsFor } = room
    const opinion = opinions.given(attempt)
    const judgedIn = sceneFor(attempt, scene, { waitsFor, policies, said, opinion, ...answers })
    const byRules = judgeAttempt(attempt, judgedIn)
    const { decision, question } = opinions.ahead(attempt, byRules, judgedIn)
    for (const { state, account, tool } of decision.rounds) {
      if (state === 'GRANTED' && account !== undefined) room.take(account.account, tool)
    }
    policies?.take({ attempt, decision, scene: judgedIn })
    said.take(attempt, decision)
    const rounds = await signRounds(deps.words, attempt, decision, scene)
    const { requests, move } = askPeople(attempt, decision, {
      rounds,
      approvals: answers.approvals,
      ttlMs: deps.approvalTtlMs ?? APPROVAL_TTL_MS,
    })
    prepared.push({
      attempt,
      decision: { ...decision, move },
      scene: judgedIn,
      rounds,
      requests,
      question,
      restsOn: [...rounds.flatMap(({ approvals }) => approvals), ...(decision.restsOn ?? [])],
      mayBeAsked: answers.approvals.some(
        ({ taskId, state }) => taskId === attempt.taskId && state === 'REQUESTED',
      ),
    })
  }
  deps.crash('judge.verdict.before_commit')
  const announcement = await deps.database.transaction((tx) =>
    commit(deps, tx, prepared, scene && policies && { scene, policies }),
  )
  deps.crash('judge.verdict.committed')
  return announcement
}

async function commit(
  deps: JudgeTasksDeps,
  tx: Sql,
  prepared: readonly Prepared[],
  judgedBy: { scene: LoadedScene; policies: Policies } | undefined,
): Promise<Announcement> {
  const audit = draftAudit()
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
  const { ready, replan, moved } = await moveTasks(
    tx,
    won.map(({ decision }) => decision.move),
    audit,
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
