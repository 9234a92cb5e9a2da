import { learnFromResult } from '@chimera/domain/memory/learn-from-result'
import { loadLearnable } from '@chimera/infra/database/memories/load-learnable'
import { insertLessons } from '@chimera/infra/database/memories/memory-outbox'
import type { Sql } from '@chimera/infra/database/open-database'

import { withLabels, type Prompted } from './with-labels.ts'

/**
 * Writes down what agents learn from tasks that are done, in the transaction that ends them. Only
 * what a model made is read again; the others cost no statement.
 */
export async function rememberLessons(
  tx: Sql,
  ended: readonly { readonly taskId: string; readonly isModelMade: boolean }[],
): Promise<void> {
  const taskIds = ended.flatMap(({ taskId, isModelMade }) => (isModelMade ? [taskId] : []))
  const learnable = await loadLearnable(tx, taskIds)
  const lessons = (await withLabels(tx, learnable)).flatMap((one) => learnFromResult(one) ?? [])
  await insertLessons(tx, lessons)
}

/** Whether a model had a part in an outcome. */
export const isModelMade = ({ outcome }: Pick<Prompted, 'outcome'>): boolean =>
  outcome.outcome === 'result' && (outcome.result.model_calls ?? []).length > 0
