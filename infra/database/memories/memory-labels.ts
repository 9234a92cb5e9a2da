import { Label } from '@chimera/contracts/judging/provenance'
import { z } from 'zod'

import type { Sql } from '../open-database.ts'

/** In the id of a pointer to a memory that is a goal of the record. */
export const GOAL_PREFIX = 'goal:'

const Row = z.object({ tenant_id: z.string(), id: z.string(), label: Label })

/**
 * Where memories came from that stood in prompts, by tenant and pointer: the Judge's own word of
 * the day that they were learned, and the trust of goals. No statement when nobody asks.
 */
export async function readMemoryLabels(
  sql: Sql,
  asked: readonly { tenantId: string; id: string }[],
): Promise<ReadonlyMap<string, ReadonlyMap<string, Label>>> {
  const byTenant = new Map<string, Map<string, Label>>()
  if (asked.length === 0) return byTenant
  const rows = await sql.query({
    name: 'read-memory-labels',
    text: `WITH asked AS (SELECT * FROM unnest($1::uuid[], $2::text[]) AS a(tenant_id, id))
      SELECT a.tenant_id, a.id, l.label FROM asked a
      JOIN memory_labels l ON l.tenant_id = a.tenant_id AND l.id::text = a.id
      UNION ALL
      SELECT a.tenant_id, a.id, CASE WHEN g.trust = 'owner' THEN 'owner' ELSE 'untrusted' END
      FROM asked a JOIN goals g ON g.tenant_id = a.tenant_id
        AND g.id = substr(a.id, ${GOAL_PREFIX.length + 1}) AND starts_with(a.id, '${GOAL_PREFIX}')`,
    values: [asked.map(({ tenantId }) => tenantId), asked.map(({ id }) => id)],
  })
  for (const { tenant_id: tenantId, id, label } of z.array(Row).parse(rows)) {
    const labels = byTenant.get(tenantId) ?? new Map<string, Label>()
    byTenant.set(tenantId, labels.set(id, label))
  }
  return byTenant
}
