import type { ToolStatus } from '@chimera/contracts/tool-control'
import { takeFence } from '@chimera/infra/database/fences/take-fence'

import { showOnFeed } from '../duties/keeper-deps.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'
import type { Fences } from './carry-fences.ts'

const EVERYTHING = 'everything'

/**
 * Takes into the record the stops that a server has and the record does not know: those that were
 * raised straight at the server while the record was away, and that of a ledger which knows more
 * than a restored record. The Judge grants nothing below them, and the other servers are brought
 * them; a person resumes. Answers how many were taken.
 */
export async function takeFences(
  deps: Pick<ToolDeps, 'database' | 'publisher' | 'log' | 'actor'>,
  { status, fences }: { status: ToolStatus; fences: Fences },
): Promise<number> {
  let taken = 0
  for (const [scope, epoch] of Object.entries(status.fences)) {
    const known = fences[scope]
    // Fenced at the epoch of a resume: two stops took the same number while they could not meet.
    const isSurelyStopped =
      scope === EVERYTHING && status.state === 'fenced' && known?.stopped === false
    if (epoch <= (known?.epoch ?? 0) && !(isSurelyStopped && epoch === known.epoch)) continue
    const fence = await takeFence(deps.database, {
      scope,
      epoch,
      isSurelyStopped,
      actor: deps.actor,
      reason: `the tool server of ${status.account} was stopped without the record`,
    })
    if (fence === undefined) continue
    taken += 1
    const facts = { account: status.account, scope, epoch: fence.epoch, alarm: true }
    deps.log.error(facts, 'a tool server has a stop that the record did not know')
    await deps.publisher.publish(showOnFeed(fence.audit))
  }
  return taken
}
