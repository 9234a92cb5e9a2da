import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals, renewGoalLeases } from '@chimera/infra/database/goals/lease-goals'
import { openModel } from '@chimera/infra/llm/open-model'
import { planGoals } from '@chimera/planner/plan-goals'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import { type ModelProcess, startModel } from '../models/model-process.ts'
import { uncounted } from '../models/uncounted.ts'
import { audited, openPlannerRig, type PlannerRig } from './planner-rig.ts'

let folder: string
let rig: PlannerRig
let model: ModelProcess
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'planner-model-'))
  rig = await openPlannerRig()
  model = await startModel({ mind: 'obedient', recordPath: join(folder, 'calls.jsonl') })
})
beforeEach(() => model.tell({ fault: 'none' }))
afterAll(async () => {
  await model[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const OWNER = 'planner-1'
const WORDS = 'Write a tweet about the launch; then pay 2 USDC to alice'

async function lease(id: string, text = WORDS) {
  const goal = { id, text, mode: 'paper' } as const
  const one = { tenantId: DEFAULT_TENANT, id, goal, source: 'cli', trust: 'owner' } as const
  await audited(rig.database, (tx, audit) => insertGoals(tx, [one], audit))
  const keys = [{ tenantId: DEFAULT_TENANT, id }]
  return leaseGoals(rig.database, { keys, owner: OWNER, leaseMs: 600 })
}

/** Plans with a model that is given up after `timeoutMs`. */
async function plan(id: string, timeoutMs = 10_000, text = WORDS) {
  const leased = await lease(id, text)
  const asked = openModel(
    {
      LLM_BASE_URL: model.url,
      LLM_MODEL: 'obedient',
      LLM_TIMEOUT_MS: timeoutMs,
    },
    uncounted,
  )
  await planGoals({ ...rig.deps, leaseMs: 600, model: asked }, leased)
  const [goal] = await rig.database.query<{ status: string; failure: Failure | null }>({
    text: 'SELECT status, failure FROM goals WHERE id = $1',
    values: [id],
  })
  return goal
}
type Failure = { code: string; message: string }

test('a goal that no rule understands is planned by the owner’s own words', async () => {
  expect(await plan('both')).toMatchObject({ status: 'ACTIVE' })
  const tasks = await rig.database.query({
    text: `SELECT t.kind, t.phase, p.payload FROM tasks t JOIN task_payloads p ON p.task_id = t.id
      WHERE t.goal_id = 'both' ORDER BY t.kind`,
  })
  expect(tasks).toMatchObject([
    {
      kind: 'agent.write',
      phase: 'ready',
      payload: { slot: 'publish', instruction: 'Write a tweet about the launch' },
    },
    {
      kind: 'wallet.transfer',
      phase: 'blocked',
      payload: { slot: 'pay:1', amount: '2', asset: 'USDC', to: 'alice' },
    },
  ])
})

test.each([
  ['slots', `UPDATE slots SET tool = 'transfer_erc20' WHERE goal_id = 'both'`],
  ['task_payloads', `UPDATE task_payloads SET payload = '{}'`],
  ['task_dependencies', 'DELETE FROM task_dependencies'],
])(
  'of a plan that is committed nobody changes %s, whoever holds the record',
  async (_what, text) => {
    await expect(rig.database.query({ text })).rejects.toThrow(/the table is insert-only/)
  },
)

test('a model that makes words up is told, and then the rules have the last word', async () => {
  const made = { tasks: [{ name: 't1', kind: 'tweet.post', after: [], quotes: { text: 'gm' } }] }
  const say = [{ text: JSON.stringify(made) }, { text: JSON.stringify(made) }]
  await model.tell({ say })
  const before = model.calls().length
  const goal = await plan('made-up')
  expect(goal).toMatchObject({ status: 'FAILED', failure: { code: 'GOAL_NOT_UNDERSTOOD' } })
  expect(goal?.failure?.message).toMatch(/The rule planner understands.*MODEL_OUTPUT_INVALID/s)
  const calls = model.calls().slice(before)
  expect(calls).toHaveLength(2)
  expect(JSON.stringify(calls[1]?.body)).toContain('quotes.text has to be words of the goal')
})

test.each([
  ['answers 503', '503', 'MODEL_UNAVAILABLE'],
  ['hangs', 'hang', 'MODEL_UNAVAILABLE'],
  ['limits the rate', '429', 'MODEL_RATE_LIMITED'],
] as const)('when the model %s, the rules have the last word', async (_what, fault, code) => {
  await model.tell({ fault })
  const goal = await plan(`fault-${fault}`, 900)
  expect(goal).toMatchObject({ status: 'FAILED', failure: { code: 'GOAL_NOT_UNDERSTOOD' } })
  expect(goal?.failure?.message).toContain(code)
})

test('what the rules understand is never asked about', async () => {
  const before = model.calls().length
  expect(await plan('by-rule', 900, 'publish a tweet: hello')).toMatchObject({ status: 'ACTIVE' })
  expect(model.calls()).toHaveLength(before)
})

test('a lease is renewed by its holder only, and its version stays', async () => {
  const [goal] = await lease('renewed')
  if (goal === undefined) throw new Error('It was not leased.')
  const renew = (owner: string) =>
    renewGoalLeases(rig.database, { goals: [goal], owner, leaseMs: 60_000 })
  expect(await renew('somebody')).toBe(0)
  expect(await renew(OWNER)).toBe(1)
  const [row] = await rig.database.query<{ version_id: string; left: number }>({
    text: `SELECT version_id, extract(epoch FROM lease_until - now())::float8 AS left
      FROM goals WHERE id = 'renewed'`,
  })
  expect(row?.version_id).toBe(goal.versionId)
  expect(row?.left).toBeGreaterThan(30)
})
