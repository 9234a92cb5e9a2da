import type { Config } from '@chimera/contracts/config'
import type { Logger } from '@chimera/runtime/log'

import type { Database } from '../database/open-database.ts'
import { sqlOf } from '../database/tenant-database.ts'
import { openMemory } from './open-memory.ts'
import { openRecollection, type Recollection } from './recollection.ts'

/** A prompt does not wait longer for what might be remembered (SRS FR 1.1 asks for half of it). */
const WITHIN_MS = 1_000

/** Recollection for a role that is held to the tenants of its batch. */
export function openSwarmRecollection(of: {
  config: Config<'memory'>
  database: Database
  log: Logger
  stack: AsyncDisposableStack
}): Recollection {
  const { config, database, log, stack } = of
  const scopeOf = (tenantId: string) => ({ tenantIds: [tenantId] })
  const store = stack.use(openMemory({ config, database, scopeOf }))
  return openRecollection({
    store,
    sqlOf: (tenantId) => sqlOf(database, scopeOf(tenantId)),
    log,
    withinMs: Math.min(WITHIN_MS, config.MEMORY_TIMEOUT_MS),
  })
}
