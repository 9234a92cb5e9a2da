import type { Label } from '@chimera/contracts/judging/provenance'
import type { AttemptOutcome } from '@chimera/contracts/task-result'
import { readMemoryLabels } from '@chimera/infra/database/memories/memory-labels'
import type { Sql } from '@chimera/infra/database/open-database'

/** Something that models may have been asked for, with memories in their prompts. */
export type Prompted = Readonly<{ tenantId: string; outcome: AttemptOutcome }>

/**
 * Adds the labels of the memories that had stood in prompts, as the record has them. Nearly every
 * batch has none, and then nothing is read.
 */
export async function withLabels<P extends Prompted>(
  sql: Sql,
  prompted: readonly P[],
): Promise<readonly (P & { readonly memories?: ReadonlyMap<string, Label> })[]> {
  const asked = prompted.flatMap(({ tenantId, outcome }) =>
    idsIn(outcome).map((id) => ({ tenantId, id })),
  )
  if (asked.length === 0) return prompted
  const labels = await readMemoryLabels(sql, asked)
  return prompted.map((one) => {
    const memories = labels.get(one.tenantId)
    return memories === undefined ? one : { ...one, memories }
  })
}

/** Memories that the prompts of an attempt say that they held. */
function idsIn(outcome: AttemptOutcome): string[] {
  if (outcome.outcome !== 'result') return []
  return (outcome.result.model_calls ?? []).flatMap(({ sources }) =>
    sources.flatMap((pointer) => (pointer.source === 'memory' ? [pointer.id] : [])),
  )
}
