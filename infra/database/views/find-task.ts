import type { TaskView } from '@chimera/contracts/observable'

import type { Sql } from '../open-database.ts'
import { readTaskViews } from './task-view.ts'

/** One task of a tenant by its uuid, or nothing. */
export async function findTask(
  sql: Sql,
  of: { tenantId: string; taskId: string },
): Promise<TaskView | undefined> {
  const [task] = await readTaskViews(sql, of)
  return task
}
