import { DEFAULT_MAX_COST_USD } from '@chimera/contracts/goal'
import { GRANT_SECONDS, type GrantClaims } from '@chimera/contracts/grant'
import { newId } from '@chimera/contracts/ids'
import { usdToMicros } from '@chimera/contracts/money'
import type { Attempt, AttemptDecision, NewRound } from '@chimera/domain/judging/attempt'
import { judgeAttempt } from '@chimera/domain/judging/judge-attempt'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import {
  type BudgetRequest,
  recordReservations,
  reserveBudgets,
} from '@chimera/infra/database/budgets/reserve-budgets'
import { type RoundRow, insertRounds } from '@chimera/infra/database/judging/insert-rounds'
import { loadAttempts } from '@chimera/infra/database/judging/load-attempts'
import { type LoadedScene, loadScene, readFences } from '@chimera/infra/database/judging/load-scene'
import { lockAttempts } from '@chimera/infra/database/judging/lock-attempts'
import { type ReadyTask, moveTasks } from '@chimera/infra/database/judging/move-tasks'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import type { JudgeWords } from '@chimera/infra/signing/judge-words'

import type { Announcement } from './announce.ts'
import { openRoom, sceneFor, scopesOf } from './scene.ts'
import { StaleSceneError } from './stale-scene.ts'

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
  const prepared: Prepared[] = []
  const room = openRoom(scene, deps.maxGranted)
  for (const attempt of attempts) {
    const decision = judgeAttempt(attempt, sceneFor(attempt, scene, room.waitsFor))
    for (const { denied, account, tool } of decision.rounds) {
      if (denied === undefined && account !== undefined) room.take(account.account, tool)
    }
    prepared.push({ attempt, decision, rounds: await sign(deps, attempt, decision, scene) })
  }
  deps.crash('judge.verdict.before_commit')
  const announcement = await deps.database.transaction((tx) => commit(deps, tx, prepared, scene))
  deps.crash('judge.verdict.committed')
  return announcement
}

async function commit(
  deps: JudgeTasksDeps,
  tx: Sql,
  prepared: readonly Prepared[],
  scene: LoadedScene | undefined,
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
  if (granting && scene !== undefined) {
    await assertFresh(tx, scene)
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

/** A stop, or another boot, that came after the grants were signed makes all of them stale. */
async function assertFresh(tx: Sql, scene: LoadedScene): Promise<void> {
  const fences = await readFences(tx, true)
  for (const [scope, { epoch }] of fences) {
    if (scene.fences.get(scope)?.epoch !== epoch) throw new StaleSceneError(`fence of ${scope}`)
  }
  const accounts = scene.bindings.map(({ account }) => account)
  const rows = await tx.query<{ account: string; boot: string | null }>({
    name: 'accounts-locked',
    text: `SELECT account, boot FROM tool_accounts WHERE account = ANY($1)
      ORDER BY account FOR SHARE`,
    values: [[...new Set(accounts.map(({ account }) => account))]],
  })
  for (const { account, boot } of rows) {
    if (accounts.some((known) => known.account === account && known.boot !== boot)) {
      throw new StaleSceneError(`boot of ${account}`)
    }
  }
}

/** One cap per goal: what the goal named, or the default (requirements section 4.1, Q39). */
function budgetRequests(attempt: Attempt, rounds: readonly RoundRow[]): BudgetRequest[] {
  const content = attempt.goal.content
  const named =
    typeof content === 'object' && content !== null && 'max_cost_usd' in content
      ? content.max_cost_usd
      : undefined
  const cap = usdToMicros(typeof named === 'number' ? named : DEFAULT_MAX_COST_USD)
  return rounds
    .filter((row) => row.grant !== null)
    .map((row) => ({
      effectId: row.effectId,
      lines:
        row.costUsdMicros === 0n
          ? []
          : [
              {
                tenantId: row.tenantId,
                scope: 'goal' as const,
                scopeId: row.goalId,
                asset: 'USD',
                day: 'epoch',
                amount: row.costUsdMicros,
                cap,
              },
            ],
    }))
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

async function sign(
  deps: JudgeTasksDeps,
  attempt: Attempt,
  decision: AttemptDecision,
  scene: LoadedScene | undefined,
): Promise<RoundRow[]> {
  if (scene === undefined) return []
  return Promise.all(
    decision.rounds.map(async (round) => {
      const claims = round.denied === undefined ? claimsFor(attempt, round, scene) : undefined
      return {
        effectId: newId(),
        tenantId: attempt.tenantId,
        goalId: attempt.goalId,
        taskId: attempt.taskId,
        attempt: attempt.attempt,
        slot: round.slot,
        round: round.round,
        effectKey: round.effectKey,
        state: claims === undefined ? ('DENIED' as const) : ('GRANTED' as const),
        tool: round.tool,
        account: round.account?.account ?? null,
        mode: round.mode,
        args: round.args,
        argsHash: round.argsHash,
        provenance: round.provenance,
        code: round.denied?.code ?? null,
        detail: round.denied?.detail ?? null,
        costUsdMicros: round.costUsdMicros,
        grant:
          claims === undefined
            ? null
            : {
                id: claims.jti,
                jws: await deps.words.grant(claims),
                boot: claims.boot,
                expiresAt: claims.exp,
              },
      }
    }),
  )
}

function claimsFor(attempt: Attempt, round: NewRound, scene: LoadedScene): GrantClaims {
  const { account } = round
  const boot = account?.boot ?? null
  if (account === undefined || boot === null || account.ledgerId === null) {
    throw new StaleSceneError('a grant without an open account')
  }
  const iat = Math.floor(scene.nowMs / 1000)
  return {
    iss: 'judge',
    jti: newId(),
    iat,
    exp: iat + GRANT_SECONDS,
    aud: account.account,
    ledger_id: account.ledgerId,
    boot,
    incarnation: scene.incarnation,
    effect_key: round.effectKey,
    round: round.round,
    args_hash: round.argsHash,
    closed_rounds: [...round.closedRounds],
    tool: round.tool,
    definition_hash: account.definitions[round.tool] ?? '0'.repeat(64),
    tenant: attempt.tenantId,
    agent: attempt.goal.agentId,
    ...(attempt.goal.campaignId === null ? {} : { campaign: attempt.goal.campaignId }),
    goal: attempt.goalId,
    task: attempt.taskId,
    slot: round.slot,
    mode: round.mode,
    // The tool holds the call to the price that was reserved for it.
    limits: {
      ai_label_required: true,
      ...(round.mode === 'dry' ? {} : { max_cost_usd_micros: String(round.costUsdMicros) }),
    },
    approvals: [],
    policy_version: 'rules@1',
    // Only the scopes that cover this effect: a grant must not grow with every stop there ever was.
    fences: Object.fromEntries(
      scopesOf(attempt, account.account).map((scope) => [
        scope,
        scene.fences.get(scope)?.epoch ?? 0,
      ]),
    ),
  }
}
