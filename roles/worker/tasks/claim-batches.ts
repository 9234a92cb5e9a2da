import type { TaskType } from '@chimera/contracts/agent-task'
import type { Caps } from '@chimera/infra/database/tasks/caps'
import {
  claimTasks,
  type ClaimedTask,
  type TaskRing,
} from '@chimera/infra/database/tasks/claim-tasks'
import { takeTurns } from '@chimera/infra/database/tasks/find-turns'
import { findBatchTenants } from '@chimera/infra/database/tenancy/find-batch-tenants'
import type { TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import type { Bells } from '../bells.ts'

/** What claiming needs. */
export type ClaimParts = Readonly<{
  database: TenantDatabase
  bells: Bells
  worker: string
  leaseMs: number
  caps: Caps
  taskTypes: readonly TaskType[]
  log: Logger
  crash: Crash
}>

type Claimed = Awaited<ReturnType<typeof claimTasks>>

/** Claims what of the tasks that were rung for is ready, as far as caps leave room. */
export async function claimRung(
  of: ClaimParts,
  rings: readonly TaskRing[],
  mostLeasesLost: number | undefined,
): Promise<readonly ClaimedTask[]> {
  const most = mostLeasesLost === undefined ? {} : { mostLeasesLost }
  const tenantIds = await tenantsOf(of.database, rings)
  const claimed = await of.database.as({ tenantIds, isClaim: true }, () =>
    claimTasks(of.database, { ...of, rings, ...most }),
  )
  return tell(of, claimed)
}

/** Claims those whose turn it is, at most `most`, in the transaction that found them. */
export async function claimTurns(
  of: ClaimParts,
  turns: {
    readonly most: number
    readonly mostUnjudged: number
    readonly mostLeasesLost: number
  },
): Promise<readonly ClaimedTask[]> {
  const { most, mostUnjudged, mostLeasesLost } = turns
  const { database, taskTypes: types, caps } = of
  const claimed = await database.transaction(async (tx) => {
    const rings = await takeTurns(tx, { types, most, mostUnjudged, caps })
    return claimTasks(tx, { ...of, rings, mostLeasesLost })
  })
  return tell(of, claimed)
}

function tell(of: ClaimParts, { tasks, moves }: Claimed): readonly ClaimedTask[] {
  if (tasks.length === 0) return []
  of.crash('worker.task.claimed')
  // Nobody's work waits for it; what is published later comes after it.
  of.bells.feed(moves).catch((err: unknown) => {
    of.log.warn({ err }, 'the feed was not told of claims')
  })
  return tasks
}

/** The swarm's own rings name their tenants; those of other producers need not. */
async function tenantsOf(
  database: TenantDatabase,
  rings: readonly TaskRing[],
): Promise<readonly string[]> {
  const named = rings.flatMap(({ tenantId }) => tenantId ?? [])
  const ids = rings.flatMap(({ id, tenantId }) => (tenantId === undefined ? [id] : []))
  const found = await findBatchTenants(database, { of: 'tasks', ids })
  return [...new Set([...named, ...found])]
}
