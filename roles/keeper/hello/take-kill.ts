import { asksForCloses, killLevelOf, type KillEpochs } from '@chimera/contracts/judging/kill'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { takeKill as takeIntoRecord } from '@chimera/infra/database/kill/raise-kill'

import { showOnFeed } from '../duties/keeper-deps.ts'
import type { ToolDeps } from '../effects/effect-duty.ts'

/**
 * Takes into the record the kill levels that a server has and the record does not: whoever may
 * pull the brake there (the tool raise_kill, an adoption, the command line while the record was
 * away) pulls it for the whole house. Answers how many were taken.
 */
export async function takeKill(
  deps: Pick<ToolDeps, 'database' | 'publisher' | 'log' | 'actor'>,
  { status, kill }: { status: ToolStatus; kill: KillEpochs },
): Promise<number> {
  let taken = 0
  for (const [scope, epoch] of Object.entries(status.kill)) {
    const known = kill[scope] ?? 0
    const level = killLevelOf(epoch)
    if (level < killLevelOf(known) || (level === killLevelOf(known) && epoch <= known)) continue
    const moved = await takeIntoRecord(deps.database, {
      scope,
      epoch,
      reason: `raised at the tool server of ${status.account}`,
      actor: deps.actor,
    })
    if (moved === undefined) continue
    taken += 1
    const facts = { account: status.account, scope, level: moved.level, alarm: true }
    const what = asksForCloses(moved.level) ? '; what is open is to be closed' : ''
    deps.log.error(facts, `a tool server has raised the kill level${what}`)
    await deps.publisher.publish(showOnFeed(moved.audit))
  }
  return taken
}
