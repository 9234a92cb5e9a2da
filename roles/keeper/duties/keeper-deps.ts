import type { ResultRing } from '@chimera/contracts/judging/rings'
import type { NotedItem } from '@chimera/contracts/trail/audit'
import type { Database } from '@chimera/infra/database/open-database'
import { feedEvents } from '@chimera/infra/streams/feed-events'
import type { RedisConnection } from '@chimera/infra/streams/open-redis'
import type { Publication, Publisher } from '@chimera/infra/streams/publisher'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import type { Sweep } from './open-sweep.ts'

/** What every duty is given. */
export type KeeperDeps = {
  readonly database: Database
  readonly redis: RedisConnection
  readonly publisher: Publisher
  readonly sweep: Pick<Sweep, 'next' | 'latest'>
  readonly log: Logger
  readonly crash: Crash
  /** Names this process in audit entries. */
  readonly actor: string
}

/** Rows of one page and of one transaction; what a publisher sends in one round trip. */
export const PAGE = 500

/** A ring on `chimera:results`. */
export const ringJudge = (ring: ResultRing, tenant?: string): Publication => ({
  stream: 'chimera:results',
  payload: ring,
  tenant,
})

/** A ring on `chimera:goals`. */
export const ringPlanner = (goal: { tenantId: string; id: string }): Publication => ({
  stream: 'chimera:goals',
  payload: { id: goal.id, ring: true },
  tenant: goal.tenantId,
})

/** What people see of a committed transaction. */
export const showOnFeed = (audit: readonly NotedItem[]): Publication[] =>
  feedEvents(audit).map((event) => ({
    stream: 'chimera:feed',
    payload: event,
    tenant: event.tenant,
  }))
