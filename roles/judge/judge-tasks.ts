import type { Attempt, AttemptDecision, EffectScene } from '@chimera/domain/judging/attempt'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import {
  type BudgetRequest,
  recordReservations,
  reserveBudgets,
} from '@chimera/infra/database/budgets/reserve-budgets'
import { type RoundRow, insertRounds } from '@chimera/infra/database/judging/insert-rounds'
import { loadAttempts } from '@chimera/infra/database/judging/load-attempts'
import { type LoadedScene, loadScene } from '@chimera/infra/database/judging/load-scene'
import { lockAttempts } from '@chimera/infra/database/judging/lock-attempts'
import { type ReadyTask, moveTasks } from '@chimera/infra/database/judging/move-tasks'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import type { Announcement } from './announce.ts'
import { assertFresh } from './assert-fresh.ts'
import { budgetRequests } from './budget-requests.ts'
import { Policies } from './policies.ts'
import { openRoom, sceneFor } from './scene.ts'
import { signRounds } from './sign-rounds.ts'

export type JudgeTasksDeps = {
  readonly database: Database
  readonly words: JudgeWords
  /** Written into audit entries. */
  readonly actor: string
  /** Grants of one account that may be out at once. */
  readonly maxGranted: number
  readonly crash: (label: 'judge.verdict.before_commit' | 'judge.verdict.committed') => void
}

/** A decision whose rounds have been signed, ready for the one transaction. */
type Prepared = {
  readonly attempt: Attempt
  readonly decision: AttemptDecision
  readonly scene: EffectScene
  readonly rounds: readonly RoundRow[]
}

/**
 * Judges the given tasks in one transaction: verdicts, budget, grants, children, goals, audit.
 * Losers of a race are left to their next ring. Throws StaleSceneError when a stop or a boot came
 * in between, so that the caller judges again.
 */
export async function judgeTasks(
  deps: JudgeTasksDeps,
  taskIds: readonly string[],
): Promise<Announcement> {
  const attempts = await loadAttempts(deps.database, taskIds)
  if (attempts.length === 0) return { grants: [], ready: [], audit: [] }
  const acting = attempts.filter(
    ({ outcome }) => outcome.outcome === 'result' && outcome.result.proposed_effects.length > 0,
  )
  const scene = acting.length > 0 ? await loadScene(deps.database, acting) : undefined
  const policies = scene && (await Policies.open(deps.database, acting, scene))
  const prepared: Prepared[] = []
  const room = openRoom(scene, deps.maxGranted)
  for (const attempt of attempts) {
    const judgedIn = sceneFor(attempt, scene, room.waitsFor, policies)
    const decision = judgeAttempt(attempt, judgedIn)
    for (const { denied, account, tool } of decision.rounds) {
      if (denied === undefined && account !== undefined) room.take(account.account, tool)
    }
    policies?.take({ attempt, decision, scene: judgedIn })
    prepared.push({
      attempt,
      decision,
      scene: judgedIn,
      rounds: await signRounds(deps.words, attempt, decision, scene),
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
  const withRounds = prepared.filter(({ rounds }) => rounds.length > 0)
  const granting = withRounds.some(({ rounds }) => rounds.some((row) => row.grant !== null))
  let won = prepared
  const denied = new Set<string>()
  const requests: BudgetRequest[] = []
  if (withRounds.length > 0) {
    // Who lost the race must not reserve anything: rows are locked before the budget is asked.
    const held = await lockAttempts(
      tx,
      withRounds.map(({ attempt }) => attempt),
    )
    won = prepared.filter(({ attempt, rounds }) => rounds.length === 0 || held.has(attempt.taskId))
  }
  if (granting && judgedBy !== undefined) {
    const granted = withRounds.map(({ attempt }) => attempt)
    await assertFresh(tx, judgedBy.scene, granted)
    await judgedBy.policies.assertFresh(
      tx,
      won.filter(({ rounds }) => rounds.some((row) => row.grant !== null)),
    )
    for (const { attempt, rounds } of won) requests.push(...budgetRequests(attempt, rounds))
    const reserved = await reserveBudgets(tx, requests)
    for (const { effectId } of requests) if (!reserved.has(effectId)) denied.add(effectId)
  }
  const decided = won.map((one) => withoutBudget(one, denied))
  const { ready } = await moveTasks(
    tx,
    decided.map(({ decision }) => decision.move),
    audit,
  )
  const rounds = decided.flatMap((one) => one.rounds)
  await insertRounds(tx, rounds, audit)
  await judgedBy?.policies.record(tx, rounds)
  const kept = new Set(rounds.filter((row) => row.grant !== null).map((row) => row.effectId))
  await recordReservations(
    tx,
    requests.filter(({ effectId }) => kept.has(effectId)),
  )
  await appendAudit(tx, audit, deps.actor)
  return { grants: rounds.flatMap(toGrant), ready: readyOf(ready), audit: audit.items() }
}

const readyOf = (ready: readonly ReadyTask[]) => ready.map(({ taskId }) => taskId)

function toGrant(row: RoundRow): Announcement['grants'] {
  if (row.grant === null || row.account === null) return []
  const { effectId, tenantId, account, tool, grant } = row
  return [{ effectId, tenantId, account, tool, grantId: grant.id, jws: grant.jws }]
}

/** A task none of whose effects may be paid for is denied whole: half of it was never asked for. */
function withoutBudget(one: Prepared, denied: ReadonlySet<string>): Prepared {
  if (!one.rounds.some((row) => denied.has(row.effectId))) return one
  const detail = 'The goal may not cost that much; raise max_cost_usd in a new goal.'
  const failure = { code: 'BUDGET_EXHAUSTED', message: `DENIED: ${detail}` }
  const rounds = one.rounds.map((row) => ({
    ...row,
    state: 'DENIED' as const,
    grant: null,
    code: failure.code,
    detail,
  }))
  const move = { ...one.decision.move, to: 'denied' as const, failure, waitingOn: null }
  return { ...one, decision: { ...one.decision, move }, rounds }
}
