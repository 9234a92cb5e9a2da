/** What models cost: reserved before every request, settled by what the server says it used. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { settleLapsedCalls } from '@chimera/infra/database/budgets/model-spend'
import { setCap } from '@chimera/infra/database/budgets/set-cap'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { type ModelBudget, openModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { planGoals } from '@chimera/planner/plan-goals'
import { openLog } from '@chimera/runtime/log'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { audited, openPlannerRig, type PlannerRig } from './planner-rig.ts'

const Answer = z.strictObject({ colour: z.string() })
const TIMEOUT_MS = 2_000
const log = openLog({ name: 'model-spend', level: 'silent' })
/** Dollars: an input token is a micro, one of the answer ten. */
const PRICES = { LLM_INPUT_USD_PER_MILLION: '1', LLM_OUTPUT_USD_PER_MILLION: '10' }
const PRICE = { input: 1_000_000n, output: 10_000_000n }
const PLANNED = { model: 'scripted', price: PRICE, timeoutMs: TIMEOUT_MS }

let folder: string
let rig: PlannerRig
let server: ModelProcess
let database: Database
let budget: ModelBudget
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'model-spend-'))
  rig = await openPlannerRig()
  server = await startModel({ mind: 'obedient', recordPath: join(folder, 'calls.jsonl') })
  const url = urlAs('chimera_swarm', rig.database.databaseUrl)
  // As the Worker's, which sees no rows but those of the tenant that is asked for.
  database = openDatabase({ url, name: 'model-spend', log, role: 'chimera_swarm' })
  budget = openModelBudget({ database, actor: 'planner-1' })
})
beforeEach(() => server.tell({ fault: 'none' }))
afterEach(async () => {
  await cap('default')
  for (const table of ['budget_reservations', 'model_spends', 'budgets']) {
    await rig.database.query({ text: `DELETE FROM ${table}` })
  }
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const cap = (tokens: bigint | 'default') =>
  setCap(rig.database, {
    tenantId: DEFAULT_TENANT,
    scope: 'agent',
    scopeId: 'default',
    modes: ['live'],
    asset: 'TOKENS',
    cap: tokens,
    actor: 'test',
  })

async function newGoal(text = 'generic: think', maxCostUsd = 1): Promise<string> {
  const id = `g-${newId()}`
  const goal = { id, text, mode: 'paper', max_cost_usd: maxCostUsd } as const
  const one = { tenantId: DEFAULT_TENANT, id, goal, source: 'cli', trust: 'owner' } as const
  await audited(rig.database, (tx, audit) => insertGoals(tx, [one], audit))
  return id
}

async function ask(goalId: string, over: Partial<AskedBy> = {}): Promise<unknown> {
  const { by = budget, url = server.url, timeoutMs = TIMEOUT_MS } = over
  const model = openModel(
    { ...PRICES, LLM_BASE_URL: url, LLM_MODEL: 'scripted', LLM_TIMEOUT_MS: timeoutMs },
    by,
  )
  return model?.complete({
    instructions: 'Name the colour.',
    parts: [],
    schema: Answer,
    asked: { tenantId: DEFAULT_TENANT, goalId },
  })
}

type AskedBy = { by: ModelBudget; url: string; timeoutMs: number }

const say = (times = 1) =>
  server.tell({ say: Array.from({ length: times }, () => ({ text: '{"colour":"red"}' })) })

type Held = { spent: bigint; reserved: bigint }

/** What the agent's counters of today hold, by asset. */
async function held(): Promise<Record<string, Held>> {
  const rows = await rig.database.query<{ asset: string; spent: string; reserved: string }>({
    text: `SELECT asset, spent, reserved FROM budgets WHERE scope = 'agent'`,
  })
  return Object.fromEntries(
    rows.map(({ asset, spent, reserved }) => [
      asset,
      { spent: BigInt(spent), reserved: BigInt(reserved) },
    ]),
  )
}

test('an answer is spent as the server counts it, and the rest is free again', async () => {
  await say()
  await ask(await newGoal())
  const { TOKENS: tokens, USD: usd, MODELUSD: part } = await held()
  expect(tokens?.reserved).toBe(0n)
  // Four characters to a token, as the server estimates: far below a byte to a token.
  expect(tokens?.spent).toBeGreaterThan(0n)
  expect(tokens?.spent).toBeLessThan(400n)
  expect(usd).toEqual(part)
  expect(usd?.spent).toBeGreaterThan(tokens?.spent ?? 0n)
})

test('a refusal before any work costs nothing, nor does a server that is not there', async () => {
  const goal = await newGoal()
  await server.tell({ fault: '429' })
  await expect(ask(goal)).rejects.toMatchObject({ code: 'MODEL_RATE_LIMITED' })
  const gone = await startModel({ mind: 'scripted', recordPath: join(folder, 'gone.jsonl') })
  await gone[Symbol.asyncDispose]()
  await expect(ask(goal, { url: gone.url })).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' })
  expect((await held())['TOKENS']).toEqual({ spent: 0n, reserved: 0n })
})

/** A model may have been at work behind each of these. */
const MAYBE_WORKED = ['503', 'cut', 'hang'] as const

async function expectFailuresCount(by: ModelBudget): Promise<void> {
  const goal = await newGoal('generic: think', 1_000)
  for (const fault of MAYBE_WORKED) {
    const before = (await held())['TOKENS']?.spent ?? 0n
    await server.tell({ fault })
    const asked = ask(goal, { by, ...(fault === 'hang' ? { timeoutMs: 100 } : {}) })
    await expect(asked).rejects.toMatchObject({ code: 'MODEL_UNAVAILABLE' })
    const { spent, reserved } = (await held())['TOKENS'] ?? { spent: 0n, reserved: 0n }
    // The longest answer, the frame and the prompt: all that was reserved.
    expect(spent - before, `tokens that count after ${fault}`).toBeGreaterThan(8_192n)
    expect(reserved).toBe(0n)
  }
}

const failed = {
  id: 'model-failure-counts',
  title: 'a request counts in full when its model may have been at work',
}
guarantee({ ...failed, n: MAYBE_WORKED.length, seed: 1 }, () => expectFailuresCount(budget))

control(
  {
    guard: 'the full settling of what no server told',
    test: failed.id,
    expect: /tokens that count after 503/,
  },
  () =>
    expectFailuresCount({
      async reserve(of) {
        const paid = await budget.reserve(of)
        return { ...paid, answered: paid.refused }
      },
    }),
)

test('a record that cannot be reached while a call is settled frees nothing', async () => {
  await say()
  const lost = Object.assign(new Error('no record'), { syscall: 'connect', code: 'ECONNREFUSED' })
  let refused = 0
  const by: ModelBudget = {
    async reserve(of) {
      await budget.reserve(of)
      return {
        answered: () => Promise.reject(lost),
        refused: () => Promise.resolve(void (refused += 1)),
      }
    },
  }
  await expect(ask(await newGoal(), { by })).rejects.toBe(lost)
  expect(refused).toBe(0)
  expect((await held())['TOKENS']?.reserved).toBeGreaterThan(8_192n)
})

test('a goal whose money is used up asks no more, and no request leaves', async () => {
  const goal = await newGoal('generic: think', 0)
  const before = server.calls().length
  await expect(ask(goal)).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED', kind: 'denied' })
  await expect(ask('no-such-goal')).rejects.toMatchObject({ code: 'BUDGET_EXHAUSTED' })
  expect(server.calls()).toHaveLength(before)
})

test('who dies before settling leaves a lease, and then all of it is spent', async () => {
  const asked = { tenantId: DEFAULT_TENANT, goalId: await newGoal() }
  await budget.reserve({ ...PLANNED, asked, most: { input: 100, output: 50 } })
  expect((await held())['TOKENS']).toEqual({ spent: 0n, reserved: 150n })
  expect((await settleLapsedCalls(rig.database, { limit: 10 })).lapsed).toBe(0)
  await rig.database.query({
    text: `UPDATE model_spends SET lease_until = now() - interval '1 second'`,
  })
  expect((await settleLapsedCalls(rig.database, { limit: 10 })).lapsed).toBe(1)
  expect((await held())['TOKENS']).toEqual({ spent: 150n, reserved: 0n })
})

/** What the Planner makes of a goal that needs a model. */
async function plan(text: string) {
  const id = await newGoal(text)
  const keys = [{ tenantId: DEFAULT_TENANT, id }]
  const leased = await leaseGoals(rig.database, { keys, owner: 'planner-1', leaseMs: 15_000 })
  const model = openModel(
    { ...PRICES, LLM_BASE_URL: server.url, LLM_MODEL: 'obedient', LLM_TIMEOUT_MS: 10_000 },
    budget,
  )
  await planGoals({ ...rig.deps, model }, leased)
  const [goal] = await rig.database.query<{ status: string; failure: { message: string } | null }>({
    text: 'SELECT status, failure FROM goals WHERE id = $1',
    values: [id],
  })
  return goal
}

test('the Planner hears of 80 %, and at 100 % the rules have the last word', async () => {
  await plan('Write a tweet about the launch')
  const { TOKENS: first } = await held()
  const spent = first?.spent ?? 0n
  expect(spent).toBeGreaterThan(0n)
  expect(JSON.stringify(server.calls().at(-1)?.body)).not.toContain('A budget runs low')
  // Room for one more, at the most that it can take.
  await rig.database.query({
    text: `UPDATE budgets SET spent = 82000 WHERE scope = 'agent' AND asset = 'TOKENS'`,
  })
  await cap(100_000n)
  await rig.database.query({
    text: `UPDATE budgets SET cap = 100000 WHERE scope = 'agent' AND asset = 'TOKENS'`,
  })
  await plan('Write a tweet about the weekend')
  expect(JSON.stringify(server.calls().at(-1)?.body)).toMatch(/A budget runs low.*82 %/s)
  await cap(82_000n)
  const before = server.calls().length
  const goal = await plan('Write a tweet about the summer')
  expect(goal).toMatchObject({ status: 'FAILED' })
  expect(goal?.failure?.message).toContain('BUDGET_EXHAUSTED')
  expect(server.calls()).toHaveLength(before)
})

/** Many roles ask at once; the cap holds so many requests at the most that they can take. */
async function race(by: ModelBudget, n: number): Promise<void> {
  const goal = await newGoal('generic: think', 1_000)
  await cap(30_000n)
  await say(n)
  const asked = await Promise.allSettled(Array.from({ length: n }, () => reserve(by, goal)))
  const granted = asked.filter(({ status }) => status === 'fulfilled')
  expect(granted.length, 'requests that the cap holds').toBe(3)
}

const reserve = (by: ModelBudget, goalId: string) =>
  by.reserve({
    ...PLANNED,
    asked: { tenantId: DEFAULT_TENANT, goalId },
    most: { input: 6_000, output: 4_000 },
  })

const claim = { id: 'model-spend-cap', title: 'racing requests reach a cap of tokens exactly' }
guarantee({ ...claim, n: 20, seed: 1 }, async ({ n }) => race(budget, n))

control(
  {
    guard: 'the reservation in one statement',
    test: claim.id,
    expect: /requests that the cap holds/,
  },
  async () => {
    const looks: ModelBudget = {
      async reserve(of) {
        const used = (await held())['TOKENS']?.spent ?? 0n
        const wanted = BigInt(of.most.input + of.most.output)
        if (used + wanted > 30_000n) throw new Error('full')
        await new Promise((resolve) => setTimeout(resolve, 50))
        await rig.database.query({
          text: `INSERT INTO budgets (tenant_id, scope, scope_id, mode, asset, day, spent)
            VALUES ($1, 'agent', 'default', 'live', 'TOKENS', (now() AT TIME ZONE 'UTC')::date, $2)
            ON CONFLICT (tenant_id, scope, scope_id, mode, asset, day)
              DO UPDATE SET spent = budgets.spent + excluded.spent`,
          values: [DEFAULT_TENANT, wanted.toString()],
        })
        return { answered: () => Promise.resolve(), refused: () => Promise.resolve() }
      },
    }
    await race(looks, 20)
  },
)
