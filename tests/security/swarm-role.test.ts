/** A Worker sees the tenants of the batch in its hands, whatever its statements should forget. */
import { newId } from '@chimera/contracts/ids'
import { openDatabase } from '@chimera/infra/database/open-database'
import { EXECUTORS } from '@chimera/worker/executors/executors'
import { afterAll, beforeAll, expect } from 'vitest'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import {
  countIn,
  log,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
  tasksOf,
  until,
  type WorkerRig,
} from '../integration/worker-rig.ts'
import { forgetful, overlooked, type Whose } from './overlooked.ts'

/** Statements of the Worker, and the words in which each says whose rows it is about. */
const WHOSE: Whose = {
  'claim-tasks': [[' AND t.tenant_id::text = coalesce(u.tenant_id, t.tenant_id::text)', '']],
  'search-record': [
    ['WHERE tenant_id = $1 AND', 'WHERE $1::uuid IS NOT NULL AND'],
    ['t.tenant_id = $1 AND', ''],
  ],
}

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Four tenants speak of zeppelins; two of them ask, and the others have a task that is ready. */
async function people() {
  const tenants = [newId(), newId(), newId(), newId()]
  const ready: string[] = []
  for (const [index, tenantId] of tenants.entries()) {
    await rig.database.query({
      text: `INSERT INTO tenants (id, name) VALUES ($1::uuid, $1::text)`,
      values: [tenantId],
    })
    const told = { tenantId, goalId: `of-${tenantId}`, text: 'noop 1 about a zeppelin' }
    const noops = await readyTasks(rig.database, [{ kind: 'noop', index }], told)
    const question = 'What about the zeppelin?'
    const asking = [{ kind: 'research.question' as const, question }]
    const asked = () => readyTasks(rig.database, asking, { tenantId, text: question })
    ready.push(...(index < 2 ? await asked() : noops))
  }
  return { tenants, questions: ready.slice(0, 2), foreign: ready.slice(2, 3) }
}

/**
 * What a forgetful Worker that is rung for two tenants sees of the others: of the third, for whose
 * task it is rung as if it were the first's, and of the fourth, for whom it is not rung.
 */
async function expectBatchAlone(of: { role?: 'chimera_swarm' }): Promise<void> {
  const { tenants, questions, foreign } = await people()
  const [own = '', second = '', , other = ''] = tenants
  const { database: record } = rig
  const url = urlAs(of.role, rig.databaseUrl)
  await using opened = openDatabase({ url, name: 'worker', log, max: 3, ...of })
  const seen = new Set<string>()
  const database = overlooked(forgetful(opened, WHOSE), (tenantId) => seen.add(tenantId))
  await using worker = await rig.start({ executors: EXECUTORS, database })
  // One ring says whose its task is, one says what is not so, and one says nothing.
  await ring(rig, questions.slice(0, 1), { tenant: own })
  await ring(rig, foreign, { tenant: own })
  await ring(rig, questions.slice(1))
  const count = () => countIn(record, questions, 'judging')
  expect(await until(count, (n) => n === questions.length)).toBe(questions.length)
  worker.check()
  const results = (await resultsOf(record, questions)).map(({ outcome }) => JSON.stringify(outcome))
  const [row] = await tasksOf(record, foreign)
  const faults = [
    ...(seen.has(other) ? ['it could see a tenant beside its batch'] : []),
    ...(row?.attempt === 0 ? [] : ['it claimed a task by a ring that names another tenant']),
    ...tenants.flatMap((id, index) =>
      results.some((text, by) => by !== index && text.includes(`of-${id}`))
        ? [`it answered somebody else with the words of tenant ${index + 1}`]
        : [],
    ),
  ]
  expect(faults).toEqual([])
  expect([seen.has(own), seen.has(second)]).toEqual([true, true])
  for (const [index, text] of results.entries()) expect(text).toContain(`of-${tenants[index]}`)
}

guarantee(
  {
    id: 'batch-tenants-alone',
    title: 'a worker that forgets whose rows it asks for sees those of its batch, and no others',
    n: 1,
    seed: 67,
  },
  () => expectBatchAlone({ role: 'chimera_swarm' }),
)

const expected = /to deeply equal \[\]/

control(
  {
    guard: 'the step down to the role of the swarm',
    test: 'batch-tenants-alone',
    expect: expected,
  },
  () => expectBatchAlone({}),
)

control(
  { guard: 'the policies of the swarm', test: 'batch-tenants-alone', expect: expected },
  async () => {
    for (const table of ['goals', 'tasks', 'tenants', 'audit_entries']) {
      await rig.database.query({ text: `ALTER POLICY batch_tenants ON ${table} USING (true)` })
    }
    await expectBatchAlone({ role: 'chimera_swarm' })
  },
)
