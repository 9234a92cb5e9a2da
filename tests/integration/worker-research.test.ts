import { newId } from '@chimera/contracts/ids'
import { searchRecord } from '@chimera/infra/database/tasks/search-record'
import { EXECUTORS } from '@chimera/worker/executors/executors'
import { afterAll, beforeAll, expect, test } from 'vitest'

import {
  countIn,
  noops,
  openWorkerRig,
  readyTasks,
  resultsOf,
  ring,
  until,
  type WorkerRig,
} from './worker-rig.ts'

let rig: WorkerRig
beforeAll(async () => {
  rig = await openWorkerRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

/** Ends a task as the Judge would. */
const complete = (ids: readonly string[]) =>
  rig.database.query({
    text: `UPDATE tasks SET status = 'COMPLETED', phase = 'done' WHERE id = ANY ($1::uuid[])`,
    values: [ids],
  })

test('a question is answered with what goals and results say, and nothing else', async () => {
  await using worker = await rig.start({ executors: EXECUTORS })
  const notes = ['The lighthouse keeper prefers tea.', 'Bread needs flour.']
  const done = await readyTasks(
    rig.database,
    notes.map((text) => ({ kind: 'generic', text })),
    { goalId: 'notes', text: 'generic: two notes' },
  )
  await readyTasks(rig.database, noops(1), { goalId: 'tower', text: 'noop 1 for the lighthouses' })
  await ring(rig, done)
  await until(
    () => countIn(rig.database, done, 'judging'),
    (n) => n === 2,
  )
  await complete(done)
  const questions = ['Who keeps a lighthouse?', 'Where are submarines built?', 'of the and']
  const asked = await readyTasks(
    rig.database,
    questions.map((question) => ({ kind: 'research.question', question })),
    { goalId: 'asking', text: 'research: Who keeps a lighthouse?' },
  )
  await ring(rig, asked)
  await until(
    () => countIn(rig.database, asked, 'judging'),
    (n) => n === 3,
  )
  const results = await resultsOf(rig.database, asked)
  expect(results.map(({ outcome }) => outcome)).toMatchObject([
    {
      result: {
        artifacts: [
          {
            content: {
              summary: '2 places in the record.',
              findings: expect.arrayContaining([
                expect.objectContaining({ source: 'goal', id: 'tower' }),
                expect.objectContaining({
                  source: 'result',
                  id: done[0],
                  excerpt: expect.stringContaining('The lighthouse keeper prefers tea.'),
                }),
              ]),
            },
          },
        ],
      },
    },
    { result: { artifacts: [{ content: { summary: 'Nothing in the record speaks of this.' } }] } },
    {
      result: {
        artifacts: [
          { content: { summary: 'The question holds no word that can be searched for.' } },
        ],
      },
    },
  ])
  expect(JSON.stringify(results[0])).not.toContain('flour')
  worker.check()
})

test('the record of another tenant is never searched', async () => {
  const tenantId = newId()
  await rig.database.query({
    text: `INSERT INTO tenants (id, name) VALUES ($1, 'other')`,
    values: [tenantId],
  })
  await readyTasks(rig.database, noops(1), { tenantId, text: 'noop 1 about a zeppelin' })
  const question = 'what about the zeppelin?'
  const here = await searchRecord(rig.database, { tenantId, goalId: 'none', question })
  expect(here.findings).toHaveLength(1)
  const [own] = await rig.database.query<{ id: string }>({
    text: `SELECT id FROM tenants WHERE name = 'default'`,
  })
  const there = await searchRecord(rig.database, {
    tenantId: own?.id ?? '',
    goalId: 'none',
    question,
  })
  expect(there.findings).toEqual([])
})

test('a question that looks like a query is a question', async () => {
  const question = `'; DROP TABLE goals; -- & | ! ( "unbalanced <-> 'x':* https://a.example/?b=1&c`
  const [own] = await rig.database.query<{ id: string }>({ text: 'SELECT id FROM tenants LIMIT 1' })
  const found = await searchRecord(rig.database, {
    tenantId: own?.id ?? '',
    goalId: 'none',
    question,
  })
  expect(found.terms).toContain('unbalanc')
})
