/** Budgets as the Judge keeps them: days, wakes, caps that change, what is open of yesterday. */
import type { ReceiptClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { listBudgets } from '@chimera/infra/database/budgets/list-budgets'
import {
  reserveModelCall,
  settleLapsedCalls,
  settleModelCall,
} from '@chimera/infra/database/budgets/model-spend'
import { setCap } from '@chimera/infra/database/budgets/set-cap'
import { handleRings } from '@chimera/judge/handle-rings'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  effectsOf,
  type JudgeRig,
  openJudgeRig,
  plannedGoal,
  receiptFor,
  tweetEffect,
} from './judge-rig.ts'

const TWEET = 15_000n
let rig: JudgeRig

beforeAll(async () => {
  rig = await openJudgeRig()
})
afterAll(() => rig[Symbol.asyncDispose]())
afterEach(async () => {
  await capAgent('default')
  for (const table of ['budget_reservations', 'budgets']) {
    await rig.database.query({ text: `DELETE FROM ${table}` })
  }
})

const capAgent = (cap: bigint | 'none' | 'default') =>
  setCap(rig.database, {
    tenantId: DEFAULT_TENANT,
    scope: 'agent',
    scopeId: 'default',
    modes: ['paper', 'live'],
    asset: 'USD',
    cap,
    actor: 'test',
  })

/** One goal with so many tweets, each a task of its own, judged one after the other. */
async function tweets(count: number): Promise<{ id: string; tasks: string[] }> {
  const id = `g-${newId()}`
  const slots = Array.from({ length: count }, (_, index) => `publish:${index}`)
  const tasks = await plannedGoal(rig.database, {
    id,
    slots,
    tasks: slots.map((slot) => ({ effects: [tweetEffect(slot)] })),
  })
  for (const task of tasks) await judge(task)
  return { id, tasks }
}

const judge = (task: string) => handleRings(rig.deps, [{ look_at: 'task', id: task }])

type TaskRow = {
  phase: string
  waits_for: string | null
  waiting_on: { reason: string; until: string; unblock: string } | null
  verdict: { verdict: string; votes: { gate: string; vote: string; code?: string }[] }
  rejections: number
}

async function taskOf(id: string | undefined): Promise<TaskRow> {
  const [row] = await rig.database.query<TaskRow>({
    text: 'SELECT phase, waits_for, waiting_on, verdict, rejections FROM tasks WHERE id = $1',
    values: [id],
  })
  if (row === undefined) throw new Error('no such task')
  return row
}

async function settle(goal: string, index: number, over: Partial<ReceiptClaims>): Promise<void> {
  const effect = (await effectsOf(rig.database, goal))[index]
  if (effect === undefined) throw new Error('no such effect')
  const id = await rig.carry(await rig.sign(receiptFor(effect, over)))
  await handleRings(rig.deps, [{ look_at: 'receipt', id }])
}

async function agentCounter(): Promise<Record<string, string>> {
  const [row] = await rig.database.query<Record<string, string>>({
    text: `SELECT spent, reserved, carried, cap FROM budgets
      WHERE scope = 'agent' AND mode = 'paper' AND day > 'epoch' ORDER BY day DESC LIMIT 1`,
  })
  return row ?? {}
}

/** Moves what is reserved today to yesterday, as if it had been reserved then. */
async function makeYesterday(): Promise<void> {
  const columns = 'tenant_id, scope, scope_id, mode, asset'
  await rig.database.query({
    text: `INSERT INTO budgets (${columns}, day, reserved, spent)
      SELECT ${columns}, day - 1, reserved, spent FROM budgets WHERE day > 'epoch'`,
  })
  await rig.database.query({
    text: `UPDATE budget_reservations SET day = day - 1 WHERE day > 'epoch'`,
  })
  await rig.database.query({
    text: `DELETE FROM budgets WHERE day = (now() AT TIME ZONE 'UTC')::date`,
  })
}

describe('a day that is used up', () => {
  it('makes the next task wait for midnight UTC, spends no attempt, and is told once', async () => {
    await capAgent(2n * TWEET)
    const { id, tasks } = await tweets(3)
    expect((await effectsOf(rig.database, id)).map(({ state }) => state)).toEqual([
      'GRANTED',
      'GRANTED',
    ])
    const third = await taskOf(tasks[2])
    expect(third).toMatchObject({ phase: 'judging', rejections: 0 })
    expect(third.waiting_on?.until).toMatch(/T00:00:00\.000Z$/)
    expect(third.waiting_on?.unblock).toMatch(/^chimera budget set agent:default /)
    expect(third.verdict.votes).toContainEqual(
      expect.objectContaining({ gate: 'budget', vote: 'wait', code: 'BUDGET_EXHAUSTED' }),
    )
    const notes = await rig.database.query<{ to: string }>({
      text: `SELECT i ->> 'to' AS to FROM audit_entries, jsonb_array_elements(items) AS i
        WHERE i ->> 'subject' = 'budget' AND i ->> 'to' IN ('warned', 'exhausted')
        ORDER BY id`,
    })
    expect(notes.map(({ to }) => to)).toEqual(['warned', 'exhausted'])
  })

  it('lets the waiting one through when a reservation comes back', async () => {
    await capAgent(2n * TWEET)
    const { id, tasks } = await tweets(3)
    await settle(id, 0, { state: 'REFUSED', code: 'UPSTREAM_REJECTED', provider_ref: undefined })
    expect((await taskOf(tasks[2])).phase).toBe('granted')
    expect(await agentCounter()).toMatchObject({ spent: '0', reserved: '30000' })
  })

  it('lets the waiting one through when the cap is raised', async () => {
    await capAgent(TWEET)
    const { tasks } = await tweets(2)
    expect((await taskOf(tasks[1])).phase).toBe('judging')
    const { woken } = await capAgent(2n * TWEET)
    expect(woken).toEqual([tasks[1]])
    await judge(tasks[1] ?? '')
    expect((await taskOf(tasks[1])).phase).toBe('granted')
  })

  it('denies what would not fit into an empty day', async () => {
    await capAgent(TWEET - 1n)
    const { tasks } = await tweets(1)
    expect((await taskOf(tasks[0])).phase).toBe('denied')
  })
})

describe('a cap that is lowered below what is reserved', () => {
  it('stops new cost and leaves the rest, which settles', async () => {
    await capAgent(10n * TWEET)
    const { id } = await tweets(3)
    await capAgent(TWEET)
    const { tasks } = await tweets(1)
    expect((await taskOf(tasks[0])).phase).toBe('judging')
    await settle(id, 0, {})
    expect(await agentCounter()).toMatchObject({ spent: '15000', reserved: '30000' })
  })

  it('cannot be grown past by any statement', async () => {
    await capAgent(TWEET)
    await tweets(1)
    const grow = rig.database.query({
      text: `UPDATE budgets SET reserved = reserved + 1 WHERE scope = 'agent' AND mode = 'paper'`,
    })
    await expect(grow).rejects.toThrow(/may not grow to 15001 of 15000/)
  })
})

it('a task whose effects are not all paid for reserves nothing', async () => {
  const id = `g-${newId()}`
  const slots = ['publish:0', 'publish:1']
  const [task = ''] = await plannedGoal(rig.database, {
    id,
    slots,
    maxCostUsd: 0.02,
    tasks: [{ effects: slots.map((slot) => tweetEffect(slot)) }],
  })
  await judge(task)
  expect((await taskOf(task)).phase).toBe('denied')
  const rows = await rig.database.query({
    text: 'SELECT 1 FROM budgets WHERE reserved + spent > 0',
  })
  expect(rows).toEqual([])
})

async function expectYesterdayCounts(): Promise<void> {
  await capAgent(2n * TWEET)
  const { id } = await tweets(1)
  await settle(id, 0, { state: 'UNKNOWN', provider_ref: undefined })
  await makeYesterday()
  const { tasks } = await tweets(2)
  expect((await taskOf(tasks[0])).phase).toBe('granted')
  expect((await taskOf(tasks[1])).phase, 'the second of today').toBe('judging')
  expect(await agentCounter()).toMatchObject({ reserved: '15000', carried: '15000' })
  // It turns out that it had happened: on its own day, and today has room for one more.
  await settle(id, 0, { seq: 9 })
  expect((await taskOf(tasks[1])).phase).toBe('granted')
  const yesterday = await rig.database.query({
    text: `SELECT spent, reserved FROM budgets WHERE scope = 'agent' AND mode = 'paper'
      ORDER BY day LIMIT 1`,
  })
  expect(yesterday).toEqual([{ spent: '15000', reserved: '0' }])
}

guarantee(
  {
    id: 'budget-unknown-counts',
    title: "an unknown outcome of yesterday counts in today's budget until it is known",
    n: 1,
    seed: 1,
  },
  expectYesterdayCounts,
)

control(
  {
    guard: 'the carry of open reservations',
    test: 'budget-unknown-counts',
    expect: /the second of today/,
  },
  async () => {
    await rig.database.query({
      text: `DO $$ BEGIN EXECUTE replace(pg_get_functiondef('budget_reserve'::regproc),
        'r.settled IS NULL AND r.day < k.d', 'false'); END $$`,
    })
    await expectYesterdayCounts()
  },
)

const call = (over: Partial<Parameters<typeof reserveModelCall>[1]> = {}) => ({
  id: newId(),
  tenantId: DEFAULT_TENANT,
  agentId: 'default',
  campaignId: null,
  goal: null,
  model: 'scripted',
  usdMicros: 1_000_000n,
  tokens: 500n,
  leaseMs: 60_000,
  actor: 'test',
  ...over,
})

describe('calls of models', () => {
  it('stop at the 10 dollars a day of the tenant that hold by default', async () => {
    for (let n = 0; n < 10; n += 1) {
      expect(await reserveModelCall(rig.database, call())).toBeUndefined()
    }
    const refused = await reserveModelCall(rig.database, call())
    expect(refused).toMatchObject({ scope: 'tenant', asset: 'MODELUSD', cap: 10_000_000n })
  })

  it('settle in full when nobody comes back, and a late answer changes nothing', async () => {
    const lost = call({ leaseMs: -1 })
    const kept = call()
    await reserveModelCall(rig.database, lost)
    await reserveModelCall(rig.database, kept)
    expect((await settleLapsedCalls(rig.database, { limit: 10 })).lapsed).toBe(1)
    const late = { id: lost.id, usdMicros: 1n, tokens: 1n }
    expect(await settleModelCall(rig.database, late)).toBe(false)
    const answer = { id: kept.id, usdMicros: 250_000n, tokens: 100n }
    expect(await settleModelCall(rig.database, answer)).toBe(true)
    const views = await listBudgets(rig.database, {
      tenantId: DEFAULT_TENANT,
      scope: 'agent',
      scopeId: 'default',
    })
    expect(views).toContainEqual(
      expect.objectContaining({ asset: 'USD', mode: 'live', spent: '1250000', reserved: '0' }),
    )
    expect(views).toContainEqual(expect.objectContaining({ asset: 'TOKENS', spent: '600' }))
  })

  it('share one cap with the effects of their goal', async () => {
    const goal = { id: 'g-shared', mode: 'paper', maxCostUsdMicros: 1_500_000n } as const
    expect(await reserveModelCall(rig.database, call({ goal }))).toBeUndefined()
    expect(await reserveModelCall(rig.database, call({ goal }))).toMatchObject({
      scope: 'goal',
      per: 'ever',
    })
  })
})
