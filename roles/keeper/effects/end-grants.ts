import { endDeadGrants } from '@chimera/infra/database/sweeps/end-dead-grants'
import type { FoundKey } from '@chimera/infra/database/sweeps/read-swept'

import { PAGE, ringJudge, showOnFeed, type KeeperDeps } from '../duties/keeper-deps.ts'

/** Starts the end of grants that can claim no more, and rings the Judge to sign the question. */
export async function endGrants(
  deps: Pick<KeeperDeps, 'database' | 'publisher' | 'log' | 'actor' | 'crash'>,
  signal: AbortSignal,
): Promise<void> {
  let after: FoundKey | null = null
  do {
    const page = await endDeadGrants(deps.database, { actor: deps.actor, limit: PAGE, after })
    after = page.after
    const { effects, audit } = page
    if (effects.length === 0) continue
    deps.log.info({ effects: effects.length }, 'grants are to end')
    deps.crash('keeper.sweep.before_publish')
    await deps.publisher.publish([
      ...effects.map(({ id, tenantId }) => ringJudge({ look_at: 'effect', id }, tenantId)),
      ...showOnFeed(audit),
    ])
  } while (after !== null && !signal.aborted)
}
