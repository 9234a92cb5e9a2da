import { AsyncLocalStorage } from 'node:async_hooks'

import type { Database, Sql } from './open-database.ts'
import type { RowScope } from './row-scope.ts'

/** The record as one tenant at a time sees it, or the tenants of one batch. */
export type TenantDatabase = Database & {
  /**
   * Does some work for a tenant: every statement and every transaction that comes of it sees that
   * tenant's rows alone, however deep in the work it is asked. The tenant is a credential's, or a
   * house administrator's choice; nothing that a client sent. In the swarm it is those tenants'
   * rows that the batch in hand is about.
   */
  as<T>(scope: RowScope, work: () => T): T
}

/**
 * Holds everything that is asked of a database to the tenant that it is asked for. Outside of `as`
 * there is no tenant, and a connection with a role that is held to one sees no rows: what forgets
 * to say whose it is finds nothing.
 */
export function openTenantDatabase(database: Database): TenantDatabase {
  const scopes = new AsyncLocalStorage<RowScope>()
  return {
    ...database,
    query: (statement, scope = scopes.getStore()) => database.query(statement, scope),
    transaction: (work, scope = scopes.getStore()) => database.transaction(work, scope),
    as: (scope, work) => scopes.run(scope, work),
  }
}

/** Asks as some tenants, and as nobody else. */
export const sqlOf = (database: Database, scope: RowScope): Sql => ({
  query: (statement) => database.query(statement, scope),
})

/** Whose rows some work is about; each tenant once. */
export const tenantsIn = (work: readonly { readonly tenantId: string }[]): RowScope => ({
  tenantIds: [...new Set(work.map(({ tenantId }) => tenantId))],
})
