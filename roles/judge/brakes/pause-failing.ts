import { MOVING_TOOLS, movesMoney } from '@chimera/contracts/budget/moving-tools'
import type { ReceiptClaims } from '@chimera/contracts/grant'
import { type AuditDraft, appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { countFailed } from '@chimera/infra/database/judging/count-failed'
import type { Database } from '@chimera/infra/database/open-database'
import type { Logger } from '@chimera/runtime/log'

import { pauseAgent } from './pause-agent.ts'

/** Requirements section 4.1: more failed transactions of one agent in an hour pause it. */
export const MOST_FAILED_TRANSACTIONS = 10

/** A receipt that was applied, and whose goal it is for. */
type Settled = {
  readonly tenantId: string
  readonly goalId: string
  readonly claims: ReceiptClaims
}

/**
 * Pauses the agents whose transactions fail again and again, until a person resumes them: the row
 * and its fence's epoch, which the Keeper carries to the tool servers. In a transaction of its own,
 * behind the receipts: who dies in between pauses at the next failure, for they are counted anew.
 */
export async function pauseFailing(
  deps: { readonly database: Database; readonly actor: string; readonly log: Logger },
  settled: readonly Settled[],
): Promise<ReturnType<AuditDraft['items']>> {
  const goals = settled.filter(({ claims }) => hasFailed(claims))
  if (goals.length === 0) return []
  const failing = await countFailed(deps.database, { goals, tools: MOVING_TOOLS })
  const audit = draftAudit()
  for (const { tenantId, agentId: id, failed } of failing) {
    if (failed <= MOST_FAILED_TRANSACTIONS) continue
    const reason = `${failed} transactions failed within an hour; a person has to look`
    deps.log.error({ agent: id, failed, alarm: true }, 'an agent is paused: its transactions fail')
    await deps.database.transaction(async (tx) => {
      const own = draftAudit()
      await pauseAgent(tx, { tenantId, id, reason, actor: deps.actor }, own)
      await appendAudit(tx, own, deps.actor)
      for (const { item } of own.items()) audit.add(tenantId, item)
    })
  }
  return audit.items()
}

const hasFailed = ({ tool, state, code }: ReceiptClaims): boolean =>
  movesMoney(tool) &&
  (state === 'REFUSED' ||
    state === 'NOT_HAPPENED' ||
    (state === 'CONFIRMED' && code === 'REVERTED'))
