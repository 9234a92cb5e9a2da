import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Database } from '@chimera/infra/database/open-database'
import { handleRings, type Ring } from '@chimera/judge/handle-rings'
import { expect, test } from 'vitest'

import { judgeOfFile, plannedGoal } from './judge-rig.ts'

// A ring may name a tenant: whose rows the Judge looks through. Whose a task is, its row says.

const rig = judgeOfFile()

const ring = (id: string, tenantId?: string): Ring => ({ look_at: 'task', id, tenantId })

/** A task of the default tenant that waits for its verdict. */
async function oneTask(): Promise<string> {
  const [task = ''] = await plannedGoal(rig.database, { id: newId(), slots: [], tasks: [{}] })
  return task
}

const phaseOf = async (task: string): Promise<string | undefined> => {
  const [row] = await rig.database.query<{ phase: string }>({
    text: 'SELECT phase FROM tasks WHERE id = $1',
    values: [task],
  })
  return row?.phase
}

/** The same record, and the names of what it was asked. */
function listening(database: Database): { database: Database; asked: string[] } {
  const asked: string[] = []
  return {
    asked,
    database: {
      ...database,
      query: (statement, scope) => {
        asked.push(statement.name ?? statement.text)
        return database.query(statement, scope)
      },
    },
  }
}

test('who is named is not asked for, and who is not is found', async () => {
  const named = listening(rig.deps.database)
  const one = await oneTask()
  await handleRings({ ...rig.deps, database: named.database }, [ring(one, DEFAULT_TENANT)])
  expect(await phaseOf(one)).toBe('done')
  expect(named.asked).not.toContain('tenants-of-tasks')

  const unnamed = listening(rig.deps.database)
  const other = await oneTask()
  await handleRings({ ...rig.deps, database: unnamed.database }, [ring(other)])
  expect(await phaseOf(other)).toBe('done')
  expect(unnamed.asked).toContain('tenants-of-tasks')
})

test('a ring that names another tenant moves nothing, and stands in nobody’s way', async () => {
  const stranger = newId()
  const task = await oneTask()
  await handleRings(rig.deps, [ring(task, stranger)])
  expect(await phaseOf(task)).toBe('judging')
  await handleRings(rig.deps, [ring(task, stranger), ring(task, DEFAULT_TENANT)])
  expect(await phaseOf(task)).toBe('done')
})
