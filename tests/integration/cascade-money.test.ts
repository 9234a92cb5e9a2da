/** A free model that keeps failing into a paid one: never more than the goal may cost. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import { leaseGoals } from '@chimera/infra/database/goals/lease-goals'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { openRecordCircuits } from '@chimera/infra/llm/circuits/record-circuits'
import { type ModelBudget, openModelBudget } from '@chimera/infra/llm/model-budget'
import { openModel } from '@chimera/infra/llm/open-model'
import { planGoals } from '@chimera/planner/plan-goals'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { billOf } from '../models/bill.ts'
import { tier, writeCascade } from '../models/cascade-file.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { audited, openPlannerRig, type PlannerRig } from './planner-rig.ts'

const WORKERS = 20
const ASKS = 5
const CAP_MICROS = 1_000_000n
const PER_MILLION = 20n
const ANSWER = '{"colour":"red"}'
const log = openLog({ name: 'cascade-money', level: 'silent' })

let folder: string
let rig: PlannerRig
let server: ModelProcess
let database: Database
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cascade-money-'))
  rig = await openPlannerRig()
  server = await startModel({ mind: 'scripted', recordPath: join(folder, 'calls.jsonl') })
  const url = urlAs('chimera_swarm', rig.database.databaseUrl)
  const of = { url, name: 'cascade-money', log, max: WORKERS }
  database = openDatabase({ ...of, role: 'chimera_swarm' })
})
beforeEach(() => server.tell({ fault: 'none' }))
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await database[Symbol.asyncDispose]()
  await rig[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const PAID = {
  privacy: 'any',
  usd_per_million: { input: String(PER_MILLION), output: String(PER_MILLION) },
} as const

const openRouter = (budget: ModelBudget) =>
  openModel(
    writeCascade(join(folder, 'cascade.json'), {
      tiers: [tier('near', server.url), tier('far', server.url, PAID)],
    }),
    budget,
    { circuits: openRecordCircuits(database), log },
  )

async function newGoal(text = 'generic: think'): Promise<string> {
  const id = `g-${newId()}`
  const goal = { id, text, mode: 'paper', max_cost_usd: 1 } as const
  const one = { tenantId: DEFAULT_TENANT, id, goal, source: 'cli', trust: 'owner' } as const
  await audited(rig.database, (tx, audit) => insertGoals(tx, [one], audit))
  return id
}

/** What the paid model has worked for since, by its own record: the bill. */
function watchBill() {
  const from = server.calls().length
  const of = { model: 'far', answer: ANSWER, usdPerMillion: PER_MILLION }
  return () => billOf(server.calls().slice(from), of)
}

/** Twenty workers ask for one goal of 1.00 USD, again and again, and the free model is dead. */
async function expectWithinCap(budget: ModelBudget): Promise<void> {
  const goalId = await newGoal()
  await server.tell({ fault: '503', times: 100_000, model: 'near' })
  const say = Array.from({ length: WORKERS * ASKS }, () => ({ text: ANSWER }))
  await server.tell({ model: 'far', say })
  const bill = watchBill()
  const work = async (): Promise<void> => {
    const model = openRouter(budget)
    for (let asked = 0; asked < ASKS; asked += 1) {
      const value = `${asked} ${'x'.repeat(16_000)}`
      const part = { title: 'Seen', pointer: { source: 'goal', path: '/text' }, value } as const
      const ask = {
        instructions: 'Name the colour.',
        parts: [part],
        schema: z.strictObject({ colour: z.string() }),
        asked: { tenantId: DEFAULT_TENANT, goalId },
      }
      await model?.complete(ask).catch(() => undefined)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  const { calls, micros } = bill()
  expect(calls, 'calls that the paid model answered').toBeGreaterThan(5)
  expect(micros <= CAP_MICROS, `a bill of ${micros} micros, where 1000000 may be`).toBe(true)
  const [row] = await rig.database.query<{ spent: string; reserved: string }>({
    text: `SELECT spent, reserved FROM budgets WHERE scope = 'goal' AND scope_id = $1
      AND asset = 'USD'`,
    values: [goalId],
  })
  expect(row).toEqual({ spent: String(micros), reserved: '0' })
}

const claim = {
  id: 'cascade-cap',
  title: 'twenty workers spend no more than 1.00 USD on the model that a free one fails into',
}
guarantee({ ...claim, n: WORKERS, seed: 1 }, () =>
  expectWithinCap(openModelBudget({ database, actor: 'worker-1' })),
)

control(
  {
    guard: 'the reservation before the request',
    test: claim.id,
    expect: /a bill of \d{7} micros, where 1000000 may be/,
  },
  async () => {
    let spent = 0n
    let looked = 0
    const { promise: allHaveLooked, resolve } = Promise.withResolvers<void>()
    // Looks whether there is room, asks when all have looked, and then adds what it cost.
    await expectWithinCap({
      async reserve({ most, price }) {
        const wanted = (BigInt(most.input + most.output) * price.input) / 1_000_000n
        if (spent + wanted > CAP_MICROS) throw new Error('full')
        if (wanted > 0n) {
          looked += 1
          if (looked === WORKERS) resolve()
          await allHaveLooked
        }
        return {
          answered: ({ input = 0, output = 0 }) => {
            spent += (BigInt(input + output) * price.input) / 1_000_000n
            return Promise.resolve()
          },
          refused: () => Promise.resolve(),
        }
      },
    })
  },
)

test('with every tier dead the rules answer, and say what was the matter with each', async () => {
  await server.tell({ fault: '503', times: 100_000 })
  const id = await newGoal('Write a tweet about the launch')
  const byRule = await newGoal('publish a tweet: the launch is today')
  const leased = await leaseGoals(rig.database, {
    keys: [id, byRule].map((each) => ({ tenantId: DEFAULT_TENANT, id: each })),
    owner: 'planner-1',
    leaseMs: 15_000,
  })
  const model = openRouter(openModelBudget({ database, actor: 'planner-1' }))
  await planGoals({ ...rig.deps, model }, leased)
  const goals = await rig.database.query<{ id: string; status: string; failure: unknown }>({
    text: 'SELECT id, status, failure FROM goals WHERE id = ANY ($1)',
    values: [[id, byRule]],
  })
  expect(goals.find((goal) => goal.id === byRule)).toMatchObject({ status: 'ACTIVE' })
  expect(goals.find((goal) => goal.id === id)).toMatchObject({
    status: 'FAILED',
    failure: {
      code: 'GOAL_NOT_UNDERSTOOD',
      message: expect.stringMatching(/The rule planner understands.*near: .*; far: /s),
    },
  })
})
