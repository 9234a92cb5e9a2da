import { randomUUID } from 'node:crypto'

import type { Ask } from '@chimera/domain/judging/approvals/approval'
import type { Attempt, AttemptDecision, TaskMove } from '@chimera/domain/judging/attempt'
import type { ApprovalRow } from '@chimera/infra/database/approvals/insert-approvals'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'

import type { ApprovalScene } from './scene.ts'

/**
 * The requests that a decision makes of people, and what its task says to wait for. Their ids are
 * random, so that a word on one of them can mean no other.
 */
export function askPeople(
  attempt: Attempt,
  decision: AttemptDecision,
  of: { rounds: readonly RoundRow[]; approvals: ApprovalScene['approvals']; ttlMs: number },
): { requests: ApprovalRow[]; move: TaskMove } {
  const { move } = decision
  if (move.to !== 'awaiting_approval') return { requests: [], move }
  const rowOf = (ask: Ask, effectId: string | null): ApprovalRow => ({
    ...ask,
    id: randomUUID(),
    effectId,
    tenantId: attempt.tenantId,
    goalId: attempt.goalId,
    taskId: attempt.taskId,
    attempt: attempt.attempt,
    agentId: attempt.goal.agentId,
    ttlMs: of.ttlMs,
  })
  const requests = decision.rounds.flatMap(({ ask }, index) => {
    const effectId = of.rounds[index]?.effectId
    return ask === undefined || effectId === undefined ? [] : [rowOf(ask, effectId)]
  })
  if (decision.ask !== undefined) requests.push(rowOf(decision.ask, null))
  const replaced = new Set(requests.map(({ binding }) => binding.key))
  const open = of.approvals.filter(
    ({ taskId, state, key }) =>
      taskId === attempt.taskId && state === 'REQUESTED' && !replaced.has(key),
  )
  const ids = [...open, ...requests].map(({ id }) => id)
  const waitingOn = {
    reason: ids.length === 1 ? `approval ${ids[0]}` : `approvals ${ids.join(', ')}`,
    until: null,
    unblock: `chimera approval show ${ids[0] ?? ''}`,
  }
  return { requests, move: { ...move, waitingOn } }
}
