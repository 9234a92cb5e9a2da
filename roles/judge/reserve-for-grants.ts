import type { Verdict, Vote } from '@chimera/contracts/judging/verdict'
import { exhausted } from '@chimera/domain/budget/exhausted'
import type { Prices } from '@chimera/domain/budget/usd-worth'
import type { Attempt, AttemptDecision } from '@chimera/domain/judging/attempt'
import type { AuditDraft } from '@chimera/infra/database/append-audit'
import { counterKey, type CounterState } from '@chimera/infra/database/budgets/budget-line'
import { noteBudgets } from '@chimera/infra/database/budgets/note-budgets'
import { reserveBudgets } from '@chimera/infra/database/budgets/reserve-budgets'
import type { RoundRow } from '@chimera/infra/database/judging/insert-rounds'
import type { Sql } from '@chimera/infra/database/open-database'

import { budgetRequest, type EffectLine } from './budget-requests.ts'

/** A decision whose rounds have been signed, ready for the one transaction. */
type Prepared = {
  readonly attempt: Attempt
  readonly decision: AttemptDecision
  readonly rounds: readonly RoundRow[]
}

/**
 * Asks the budget for every task that is about to be granted something, in order, inside the
 * granting transaction. Who gets nothing is denied, or waits for tomorrow; the rest comes back
 * with what it holds, to be recorded once its rounds exist.
 */
export async function reserveForGrants<One extends Prepared>(
  tx: Sql,
  of: {
    prepared: readonly One[]
    nowMs: number
    audit: AuditDraft
    pricesOf: (attempt: Attempt) => Prices | undefined
  },
): Promise<{ prepared: One[]; lines: EffectLine[] }> {
  const requests = of.prepared.map(({ attempt, rounds }) =>
    budgetRequest(attempt, rounds, of.pricesOf(attempt)),
  )
  const { refused, notices } = await reserveBudgets(tx, requests)
  noteBudgets(of.audit, notices)
  return {
    prepared: of.prepared.map((one) => {
      const counter = refused.get(one.attempt.taskId)
      return counter === undefined ? one : withoutBudget(one, counter, of.nowMs)
    }),
    lines: requests.flatMap(({ key, lines }) => (refused.has(key) ? [] : lines)),
  }
}

/** A task one of whose effects cannot be paid for gets nothing: half of it was never asked for. */
function withoutBudget<One extends Prepared>(one: One, counter: CounterState, nowMs: number): One {
  const found = exhausted(counter, nowMs)
  const { move } = one.decision
  const code = 'BUDGET_EXHAUSTED'
  const vote = found.outcome === 'deny' ? ('deny' as const) : ('wait' as const)
  const verdict = withVote(move.verdict, { gate: 'budget', vote, code, reason: found.reason })
  if (found.outcome === 'wait') {
    const { delayMs, reason, until, unblock } = found
    const waiting = {
      ...move,
      verdict,
      to: 'judging' as const,
      delayMs,
      waitsFor: counterKey(counter),
      waitingOn: { reason, until, unblock },
    }
    return { ...one, decision: { ...one.decision, move: waiting }, rounds: [] }
  }
  const failure = { code, message: `DENIED: ${found.reason}` }
  const rounds = one.rounds.map((row) => ({
    ...row,
    state: 'DENIED' as const,
    approvals: [],
    grant: null,
    code,
    detail: found.reason,
  }))
  const denied = { ...move, verdict, to: 'denied' as const, failure, waitingOn: null }
  return { ...one, decision: { ...one.decision, move: denied }, rounds }
}

function withVote(verdict: Verdict | null, vote: Vote & { vote: 'deny' | 'wait' }): Verdict | null {
  return verdict === null
    ? null
    : { ...verdict, verdict: vote.vote, votes: [...verdict.votes, vote] }
}
