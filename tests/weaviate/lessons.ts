/** How agents of these tests learn: by the real Judge, and the Keeper's own duty. */
import { newId } from '@chimera/contracts/ids'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { handleRings } from '@chimera/judge/handle-rings'
import { memoryDuty } from '@chimera/keeper/memories/memory-duty'
import { openLog } from '@chimera/runtime/log'
import { expect } from 'vitest'

import { type JudgeRig, plannedGoal } from '../integration/judge-rig.ts'

const log = openLog({ name: 'lessons', level: 'silent' })

/** A result that a model made, judged by the real Judge: the task is done, whatever memory does. */
export async function learn(
  rig: Pick<JudgeRig, 'database' | 'deps'>,
  content: string,
): Promise<void> {
  const id = `g-${newId()}`
  const [taskId = ''] = await plannedGoal(rig.database, {
    id,
    slots: [],
    tasks: [
      {
        confidence: 1,
        effects: [],
        result: {
          artifacts: [{ name: 'answer', media_type: 'text/plain', content }],
          readings: [],
          model_calls: [
            {
              id: 'call-1',
              model: 'test',
              prompt_hash: 'a'.repeat(64),
              sources: [{ source: 'goal', path: '/text' }],
              output: { answer: content },
            },
          ],
        },
      },
    ],
  })
  await handleRings(rig.deps, [{ look_at: 'task', id: taskId }])
  const [task] = await rig.database.query<{ phase: string }>({
    text: 'SELECT phase FROM tasks WHERE id = $1',
    values: [taskId],
  })
  expect(task?.phase).toBe('done')
}

/** One round of the Keeper's duty on a memory. */
export async function bring(
  { deps }: Readonly<{ deps: Pick<JudgeRig['deps'], 'database'> }>,
  memory: Pick<MemoryStore, 'remember'>,
): Promise<void> {
  const sweep = { next: async () => ({ memoriesDue: true }) }
  const duty = memoryDuty({ database: deps.database, log, memory, sweep })
  const { signal } = new AbortController()
  await (
    await duty.next(signal)
  )(signal)
}
