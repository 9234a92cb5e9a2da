import { endDeadGrants } from '@chimera/infra/database/sweeps/end-dead-grants'

import { PAGE, ringJudge, showOnFeed, type KeeperDeps } from '../duties/keeper-deps.ts'

/** Starts the end of grants that can claim no more, and rings the Judge to sign the question. */
export async function endGrants(
  deps: Pick<KeeperDeps, 'database' | 'publisher' | 'log' | 'actor' | 'crash'>,
  signal: AbortSignal,
): Promise<void> {
  for (let isMore = true; isMore && !signal.aborted;) {
    const { effects, audit } = await endDeadGrants(deps.database, {
      actor: deps.actor,
      limit: PAGE,
    })
    if (effects.length === 0) return
    deps.log.info({ effects: effects.length }, 'grants are to end')
    deps.crash('keeper.sweep.before_publish')
    await deps.publisher.publish([
      ...effects.map(({ id, tenantId }) => ringJudge({ look_at: 'effect', id }, tenantId)),
      ...showOnFeed(audit),
    ])
    isMore = effects.length === PAGE
  }
}
