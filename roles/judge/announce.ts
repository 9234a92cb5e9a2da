import type { GoalRing } from '@chimera/contracts/goal'
import type { EffectGrant } from '@chimera/contracts/grant'
import { taskStream } from '@chimera/contracts/streams'
import type { NotedItem } from '@chimera/contracts/trail/audit'
import { loadWireTasks } from '@chimera/infra/database/judging/load-wire-tasks'
import type { Database } from '@chimera/infra/database/open-database'
import { openTenantDatabase, sqlOf, tenantsIn } from '@chimera/infra/database/tenant-database'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'

import type { OpinionAsk } from './opinions/opinion-desk.ts'

/** What a committed transaction has to tell: doorbells only, every word of it stands in rows. */
export type Announcement = {
  readonly grants: readonly {
    readonly effectId: string
    readonly tenantId: string
    readonly account: string
    readonly tool: string
    readonly grantId: string
    readonly jws: string
  }[]
  /** Ids of tasks that became ready. */
  readonly ready: readonly string[]
  /** Goals that wait for another plan. */
  readonly replan: readonly { readonly tenantId: string; readonly id: string }[]
  /** What models are to be asked, beside the batches. */
  readonly asks?: readonly OpinionAsk[]
  readonly audit: readonly NotedItem[]
}

/**
 * Publishes after the commit: grants, ready tasks, the feed. What is lost here the Keeper rings
 * again.
 */
export async function announce(
  deps: { readonly database: Database; readonly publisher: Publisher },
  { grants, ready, replan, audit }: Announcement,
): Promise<void> {
  // Whatever became ready stands in the audit of the transaction, with its tenant.
  const sql = sqlOf(openTenantDatabase(deps.database), tenantsIn(audit))
  const tasks = await loadWireTasks(sql, ready)
  const publications: Publication[] = [
    ...grants.map(({ effectId, tenantId, account, tool, grantId, jws }) => ({
      stream: 'chimera:effects' as const,
      tenant: tenantId,
      payload: {
        effect_id: effectId,
        grant_id: grantId,
        account,
        tool,
        grant: jws,
      } satisfies EffectGrant,
    })),
    ...tasks.map(({ tenantId, task }) => ({
      stream: taskStream(task.type),
      tenant: tenantId,
      payload: task,
    })),
    ...replan.map(({ tenantId, id }) => ({
      stream: 'chimera:goals' as const,
      tenant: tenantId,
      payload: { id, ring: true } satisfies GoalRing,
    })),
    ...feedEvents(audit).map((event) => ({
      stream: 'chimera:feed' as const,
      tenant: event.tenant,
      payload: event,
    })),
  ]
  await deps.publisher.publish(publications)
}
