import { type FaultRig, xadd } from './fault-rig.ts'

/**
 * Takes a task whose effect is out back to the ready ones, which no part of the product does.
 * Answers whether there was one.
 */
export async function forceAgain(faults: FaultRig, goalId: string): Promise<boolean> {
  const [task] = await faults.record.query<{ id: string; tenant_id: string; payload: unknown }>({
    text: `WITH moved AS (
        UPDATE tasks SET status = 'PENDING', phase = 'ready', version_id = new_version(),
          lease_owner = NULL, lease_until = NULL, run_at = NULL, ready_at = now()
        WHERE goal_id = $1 AND status = 'REVIEW' RETURNING id, tenant_id
      ) SELECT m.id, m.tenant_id, p.payload FROM moved m JOIN task_payloads p ON p.task_id = m.id`,
    values: [goalId],
  })
  if (task === undefined) return false
  const entry = {
    task_id: task.id,
    parent_goal_id: goalId,
    type: 'CONTENT_GEN',
    payload: task.payload,
    constraints: {},
    status: 'PENDING',
  }
  const fields = ['tenant', task.tenant_id, 'task', JSON.stringify(entry)]
  await xadd(faults, 'chimera:tasks:CONTENT_GEN', ...fields)
  return true
}
