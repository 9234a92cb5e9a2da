import { renewLeases, type HeldTask } from '@chimera/infra/database/tasks/renew-leases'
import { tenantsIn, type TenantDatabase } from '@chimera/infra/database/tenant-database'
import type { Logger } from '@chimera/runtime/log'

/** Renewed at a third: two renewals may fail before anybody else may take the task. */
const RENEWALS_PER_LEASE = 3

/**
 * Renews the leases of all tasks in hand in one statement. `lost` is called for those that are
 * somebody else's by now. Does nothing, and asks nobody, while nothing is in hand.
 */
export function openLeaseLoop(of: {
  database: TenantDatabase
  worker: string
  leaseMs: number
  log: Logger
  held: () => readonly (HeldTask & { readonly tenantId: string })[]
  lost: (tasks: readonly HeldTask[]) => void
}): Disposable {
  let isRenewing = false
  const renew = async (): Promise<void> => {
    const tasks = of.held()
    if (tasks.length === 0 || isRenewing) return
    isRenewing = true
    try {
      const mine = await of.database.as(tenantsIn(tasks), () =>
        renewLeases(of.database, { ...of, tasks }),
      )
      const lost = tasks.filter(({ id }) => !mine.has(id))
      if (lost.length > 0) of.lost(lost)
    } catch (err) {
      of.log.warn({ err, tasks: tasks.length }, 'leases could not be renewed; trying again')
    } finally {
      isRenewing = false
    }
  }
  const timer = setInterval(() => void renew(), Math.ceil(of.leaseMs / RENEWALS_PER_LEASE))
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
