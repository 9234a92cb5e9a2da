import type { PausableKind } from '@chimera/contracts/tenancy/fence-scope'

import type { Sql } from '../open-database.ts'

/** What a person has paused; a user who is paused is let in by no token. */
export type PausedRow = {
  readonly kind: PausableKind | 'user'
  readonly tenant_id: string
  readonly id: string
}

/** More than anybody reads. */
const MAX_PAUSED = 1_000

/**
 * Everything that is paused, the widest first. Goals are looked through one by one: for a person or
 * a script now and then.
 */
export function listPaused(sql: Sql): Promise<PausedRow[]> {
  return sql.query<PausedRow>({
    text: `SELECT kind, tenant_id, id FROM (
        SELECT 1 AS width, 'tenant' AS kind, id AS tenant_id, id::text FROM tenants
          WHERE status = 'PAUSED'
        UNION ALL SELECT 2, 'campaign', tenant_id, id FROM campaigns WHERE status = 'PAUSED'
        UNION ALL SELECT 3, 'agent', tenant_id, id FROM agents WHERE status = 'PAUSED'
        UNION ALL SELECT 4, 'user', tenant_id, id FROM users WHERE status = 'PAUSED'
        UNION ALL SELECT 5, 'goal', tenant_id, id FROM goals WHERE status = 'PAUSED') AS p
      ORDER BY width, tenant_id, id LIMIT ${MAX_PAUSED}`,
  })
}
