import type { ToolStatus } from '@chimera/contracts/tool-control'
import type { ToolControl } from '@chimera/infra/tools/tool-control'

import type { ToolDeps } from '../effects/effect-duty.ts'

/** Scope -> what the record says; scopes that were never stopped are left out. */
export type Fences = Readonly<Record<string, { epoch: number; stopped: boolean }>>

/**
 * Brings a server the fences that it missed, because it was away or out of reach when they were
 * raised: without them it would still act on grants from before the stop. Answers how many.
 */
export async function carryFences(
  deps: Pick<ToolDeps, 'log'>,
  of: { control: Pick<ToolControl, 'fence'>; status: ToolStatus; fences: Fences },
): Promise<number> {
  let carried = 0
  for (const [scope, { epoch, stopped }] of Object.entries(of.fences)) {
    if ((of.status.fences[scope] ?? 0) >= epoch) continue
    try {
      await of.control.fence({ scope, epoch, stopped })
      carried += 1
      const { account } = of.status
      deps.log.info({ account, scope, epoch, stopped }, 'brought a tool server a fence')
    } catch (err) {
      // Looked at again at the next visit; opening the server does not depend on it.
      deps.log.warn({ err, account: of.status.account, scope, epoch }, 'a fence was not taken')
    }
  }
  return carried
}
