import { canonicalHash } from '@chimera/contracts/canonical'
import type { TaskMove } from '@chimera/infra/database/tasks/audited-moves'
import type { ClaimedTask } from '@chimera/infra/database/tasks/claim-tasks'
import { commitResults, type FinishedTask } from '@chimera/infra/database/tasks/commit-results'
import { releaseTasks, type ReleasedTask } from '@chimera/infra/database/tasks/release-tasks'
import { tenantsIn, type TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Crash } from '@chimera/runtime/crash-point'
import type { Logger } from '@chimera/runtime/log'

import type { Bells } from '../bells.ts'
import type { Ending } from './attempt-ending.ts'

/** An attempt that has ended. */
export type Done<E extends Ending = Ending> = Readonly<{
  task: ClaimedTask
  traceparent: string | undefined
  ending: E
}>
export type Finished = Done<Extract<Ending, { to: 'judge' }>>
export type Returned = Done<Extract<Ending, { to: 'ready' }>>

/** What writing needs. */
export type Desk = Readonly<{
  database: TenantDatabase
  worker: string
  bells: Bells
  log: Logger
  crash: Crash
}>

/** What has been committed. */
export type Written = Readonly<{
  /** Ids of the tasks that were still this Worker's. */
  mine: ReadonlySet<string>
  /** Resolves when the others have been told, or cannot be. */
  told: Promise<void>
}>

/** Commits results in one statement and rings the Judge. */
export async function writeFinished(of: Desk, batch: readonly Finished[]): Promise<Written> {
  const tasks = batch.map(({ task, ending: { outcome, outputHash } }): FinishedTask => {
    const inputHash = canonicalHash(task.payload)
    return { id: task.id, versionId: task.versionId, outcome, outputHash, inputHash }
  })
  const { committed, moves } = await of.database.as(tenantsIn(batch.map(taskOf)), () =>
    commitResults(of.database, { tasks, worker: of.worker }),
  )
  of.crash('worker.result.committed')
  const judged = batch.filter(({ task }) => committed.has(task.id))
  const told = tell(of, moves, async () => {
    await of.bells.ringJudge(
      judged.map(({ task, traceparent }) => ({
        ring: { look_at: 'task', id: task.id },
        tenantId: task.tenantId,
        traceparent,
      })),
      moves,
    )
    of.crash('worker.result.published')
  })
  return { mine: committed, told }
}

/** Puts tasks back in one statement, and rings for those that nothing keeps waiting. */
export async function writeReturned(of: Desk, batch: readonly Returned[]): Promise<Written> {
  const tasks = batch.map(({ task, ending: { delayMs, spendsRetry, reason } }): ReleasedTask => {
    const wait = delayMs === undefined ? {} : { delayMs }
    return { id: task.id, versionId: task.versionId, ...wait, spendsRetry, reason }
  })
  const { released, moves } = await of.database.as(tenantsIn(batch.map(taskOf)), () =>
    releaseTasks(of.database, { tasks, worker: of.worker }),
  )
  const atOnce = batch.filter(
    ({ task, ending }) => released.has(task.id) && ending.delayMs === undefined,
  )
  return { mine: released, told: tell(of, moves, () => of.bells.ringWorkers(atOnce, moves)) }
}

const taskOf = ({ task }: Done): ClaimedTask => task

async function tell(
  of: Desk,
  moves: readonly TaskMove[],
  ringOut: () => Promise<void>,
): Promise<void> {
  try {
    await ringOut()
  } catch (err) {
    of.log.warn({ err, tasks: moves.length }, 'committed, but nobody was rung; the Keeper will')
  }
}
