import { ConflictError, InvariantError } from '@chimera/contracts/errors'
import type { Goal } from '@chimera/contracts/goal'
import { DEFAULT_AGENT, newId } from '@chimera/contracts/ids'
import type { GoalPosted } from '@chimera/contracts/observable'
import { appendAudit, draftAudit, type AuditDraft } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { storeAnswer } from '@chimera/infra/database/idempotency/store-answer'
import { takeKey } from '@chimera/infra/database/idempotency/take-key'
import type { Database, Sql } from '@chimera/infra/database/open-database'
import { personOf, type Principal } from '@chimera/infra/database/tokens/find-principal'

import type { QueueGuard } from './queue-guard.ts'

/** A goal that a client posted. */
export type PostedGoal = Readonly<{
  principal: Principal
  goal: Goal
  /** `Idempotency-Key`, with the hash of the body that it came with. */
  once?: Readonly<{ key: string; bodyHash: string }> | undefined
  /** Refuses a goal that is new where too much waits. */
  guard: QueueGuard
}>

export type AcceptedGoal = Readonly<{
  /** 201 for a new goal, 200 for one that is there already. */
  status: number
  answer: unknown
  /** The goal that the Planner is to be rung for; nothing when an old answer was replayed. */
  ring: GoalPosted | undefined
  audit: AuditDraft
}>

const ROUTE = 'POST /v1/goals'

/**
 * Commits a goal as RECEIVED, together with the answer under its idempotency key. Nothing is rung
 * here: a goal that is committed is accepted, whatever becomes of its doorbell. Throws
 * GOAL_ID_CONFLICT, IDEMPOTENCY_KEY_REUSED, IN_PROGRESS, RATE_LIMITED, UNAVAILABLE.
 */
export async function acceptGoal(database: Database, posted: PostedGoal): Promise<AcceptedGoal> {
  const { principal, once } = posted
  const audit = draftAudit()
  return database.transaction(async (tx) => {
    if (once === undefined) return { ...(await insert(tx, posted, audit)), audit }
    const scope = {
      tenantId: principal.tenantId,
      principal: principal.tokenId,
      route: ROUTE,
      ...once,
    }
    const stored = await takeKey(tx, scope)
    if (stored !== undefined) {
      return { status: stored.status, answer: stored.response, ring: undefined, audit }
    }
    const inserted = await insert(tx, posted, audit)
    await storeAnswer(tx, { ...scope, status: inserted.status, response: inserted.answer })
    return { ...inserted, audit }
  })
}

async function insert(
  tx: Sql,
  { principal, goal, guard }: PostedGoal,
  audit: AuditDraft,
): Promise<{ status: number; answer: GoalPosted; ring: GoalPosted }> {
  const { tenantId, tokenId } = principal
  const id = goal.id ?? newId()
  const [inserted] = await insertGoals(
    tx,
    [{ tenantId, id, goal, source: 'http', trust: 'owner', requestedBy: personOf(principal) }],
    audit,
  )
  if (inserted === undefined) throw new InvariantError(`Goal ${id} got no answer.`)
  if (inserted.outcome === 'conflict') {
    throw new ConflictError(
      'GOAL_ID_CONFLICT',
      `Another goal has the id ${id}; choose another id, or look at that one.`,
      { faults: [{ pointer: '/id', detail: 'is the id of a goal with other content' }] },
    )
  }
  // Thrown after the insert, which is taken back: a goal that is there is answered as ever.
  if (inserted.outcome === 'inserted') {
    await guard.assertRoom(tx, { tenantId, agentId: goal.agent_id ?? DEFAULT_AGENT })
  }
  await appendAudit(tx, audit, `token:${tokenId}`)
  const answer = { id, status: inserted.status }
  return { status: inserted.outcome === 'inserted' ? 201 : 200, answer, ring: answer }
}
