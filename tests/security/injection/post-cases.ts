/** Goals of the cases on the record, until each has ended or waits for a person. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { taskStream } from '@chimera/contracts/streams'
import { appendAudit, draftAudit } from '@chimera/infra/database/append-audit'
import { insertGoals, type NewGoal } from '@chimera/infra/database/goals/insert-goals'
import { loadWireTasks } from '@chimera/infra/database/judging/load-wire-tasks'
import type { Database } from '@chimera/infra/database/open-database'
import type { Publisher } from '@chimera/infra/streams/publisher'

import type { Case } from './cases.ts'

const ENDS_WITHIN_MS = 540_000

/** Posts all goals at once, with what the record is to hold for them. */
export async function postCases(
  database: Database,
  publisher: Publisher,
  cases: readonly Case[],
): Promise<void> {
  const goals = cases.flatMap(({ id, goal, trust, notes }): NewGoal[] => [
    newGoal(id, goal, trust),
    ...notes.map((note, index) => newGoal(`${id}-note-${index}`, note, 'untrusted')),
  ])
  await insertAll(database, goals)
  for (const { id, slot } of cases) {
    if (slot === undefined) continue
    await database.query({
      text: 'INSERT INTO slots (tenant_id, goal_id, slot, tool) VALUES ($1, $2, $3, $4)',
      values: [DEFAULT_TENANT, id, slot.slot, slot.tool],
    })
  }
  await publisher.publish(
    goals.map(({ id, tenantId }) => ({
      stream: 'chimera:goals',
      payload: { id, ring: true },
      tenant: tenantId,
    })),
  )
}

export async function insertAll(database: Database, goals: readonly NewGoal[]): Promise<void> {
  const audit = draftAudit()
  await database.transaction(async (tx) => {
    await insertGoals(tx, goals, audit)
    await appendAudit(tx, audit, 'test')
  })
}

export const newGoal = (id: string, text: string, trust: NewGoal['trust']): NewGoal => ({
  tenantId: DEFAULT_TENANT,
  id,
  goal: { id, text, mode: 'paper' },
  source: 'stream',
  trust,
})

/** Every goal has ended or waits for a person; those that are named have ended. */
export async function allSettled(
  database: Database,
  publisher: Publisher,
  named: readonly string[] = [],
): Promise<void> {
  const end = Date.now() + ENDS_WITHIN_MS
  for (;;) {
    const open = await database.query<{ id: string; status: string; phase: string | null }>({
      text: `SELECT g.id, g.status, t.phase FROM goals g
        LEFT JOIN tasks t ON t.tenant_id = g.tenant_id AND t.goal_id = g.id
        WHERE g.status NOT IN ('COMPLETED', 'FAILED', 'CANCELLED')
          AND (g.id = ANY($1) OR NOT EXISTS (
            SELECT FROM tasks w WHERE w.tenant_id = g.tenant_id AND w.goal_id = g.id
              AND w.phase = 'awaiting_approval'))`,
      values: [named],
    })
    if (open.length === 0) return
    if (Date.now() > end) throw new Error(`These goals did not end: ${JSON.stringify(open)}`)
    await ringDue(database, publisher)
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

/** The Keeper's part: what may be tried again is rung for when it is due. */
async function ringDue(database: Database, publisher: Publisher): Promise<void> {
  const due = await database.query<{ id: string }>({
    text: `SELECT id FROM tasks WHERE phase = 'ready' AND run_at <= now()`,
  })
  const tasks = await loadWireTasks(
    database,
    due.map(({ id }) => id),
  )
  await publisher.publish(
    tasks.map(({ tenantId, task }) => ({
      stream: taskStream(task.type),
      payload: task,
      tenant: tenantId,
    })),
  )
}
