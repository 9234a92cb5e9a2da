/** What transfers take of budgets: dollars by a stored price, until receipts say otherwise. */
import type { ReceiptClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Statement } from '@chimera/infra/database/open-database'
import { setPrice } from '@chimera/infra/database/policies/prices'
import { MOST_FAILED_TRANSACTIONS } from '@chimera/judge/brakes/pause-failing'
import { handleRings, type JudgeDeps } from '@chimera/judge/handle-rings'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  openApprovalRig,
  payment,
  type ApprovalRig,
  type Person,
} from './approvals/approval-rig.ts'
import { effectsOf, receiptFor } from './judge-rig.ts'

const ETHER = `1${'0'.repeat(18)}`
/** Dollars of one ether, in micros. */
const PRICE = 2_000_000_000n

let rig: ApprovalRig
let anna: Person
beforeAll(async () => {
  rig = await openApprovalRig()
  anna = await rig.person()
})
afterAll(() => rig[Symbol.asyncDispose]())
afterEach(async () => {
  for (const table of ['budget_reservations', 'budgets', 'asset_prices']) {
    await rig.judge.database.query({ text: `DELETE FROM ${table}` })
  }
})

const price = () =>
  setPrice(rig.judge.database, {
    tenantId: DEFAULT_TENANT,
    asset: 'ETH',
    decimals: 18,
    usdMicros: PRICE,
    source: 'test',
    actor: 'test',
  })

/** A payment that somebody has approved, of a goal that may cost so many dollars. */
async function paid(maxCostUsd = 5_000, amount = ETHER) {
  const params = { to: '0xabc', amount, text: '' }
  const content = { text: 'do it', params, max_cost_usd: maxCostUsd }
  const ids = await rig.propose({ effect: payment(amount), confidence: 1, content })
  await rig.look(ids.taskId)
  const [approval] = await rig.approvalsOf(ids.goalId)
  if (approval === undefined) throw new Error('nobody was asked')
  await rig.say(anna, approval.id, { decision: 'approve' })
  return ids
}

async function settle(
  goalId: string,
  over: Partial<ReceiptClaims>,
  deps = rig.judge.deps,
): Promise<void> {
  const [effect] = await effectsOf(rig.judge.database, goalId)
  if (effect === undefined) throw new Error('nothing was granted')
  const claims = receiptFor(effect, { iss: 'evm:default', tool: 'transfer_native', ...over })
  const id = await rig.judge.carry(await rig.judge.sign(claims))
  await handleRings(deps, [{ look_at: 'receipt', id }])
}

/** What the agent's counters of today hold, by asset. */
async function counters(): Promise<Record<string, { spent: string; reserved: string }>> {
  const rows = await rig.judge.database.query<{ asset: string; spent: string; reserved: string }>({
    text: `SELECT asset, spent, reserved FROM budgets WHERE scope = 'agent'`,
  })
  return Object.fromEntries(rows.map(({ asset, ...held }) => [asset, held]))
}

it('is reserved in dollars by the stored price, and spent when it is confirmed', async () => {
  await price()
  const { goalId } = await paid()
  expect(await counters()).toEqual({
    USD: { spent: '0', reserved: String(PRICE) },
    ETH: { spent: '0', reserved: ETHER },
    TRANSFERS: { spent: '0', reserved: '1' },
  })
  await settle(goalId, { cost_usd_micros: '42' })
  expect(await counters()).toMatchObject({
    USD: { spent: String(PRICE), reserved: '0' },
    ETH: { spent: ETHER, reserved: '0' },
  })
})

it('that was reverted keeps its gas and its place, and gives its amount back', async () => {
  await price()
  const { goalId } = await paid()
  await settle(goalId, { code: 'REVERTED', cost_usd_micros: '420000' })
  expect(await counters()).toEqual({
    USD: { spent: '420000', reserved: '0' },
    ETH: { spent: '0', reserved: '0' },
    TRANSFERS: { spent: '1', reserved: '0' },
  })
})

it('is not granted where the dollars of the goal do not cover it', async () => {
  await price()
  const { taskId } = await paid(1_999)
  expect(await rig.taskOf(taskId)).toMatchObject({
    phase: 'denied',
    failure: { code: 'BUDGET_EXHAUSTED' },
  })
})

it('of simulated money without a fresh price is counted in its own asset alone', async () => {
  await price()
  await rig.judge.database.query({
    text: `UPDATE asset_prices SET taken_at = taken_at - interval '2 hours'`,
  })
  await paid(1)
  expect(Object.keys(await counters()).toSorted()).toEqual(['ETH', 'TRANSFERS'])
})

const standing = async (): Promise<string | undefined> => {
  const [row] = await rig.judge.database.query<{ status: string }>({
    text: `SELECT status FROM agents WHERE id = 'default'`,
  })
  return row?.status
}

/** The agent is there and at work, and nothing of it has failed within the hour. */
async function startAfresh(): Promise<void> {
  await rig.judge.database.query({
    text: `INSERT INTO agents (tenant_id, id, version_id, audit_id)
      VALUES ($1, 'default', new_version(), new_version())
      ON CONFLICT (tenant_id, id)
        DO UPDATE SET status = 'ACTIVE', version_id = new_version()`,
    values: [DEFAULT_TENANT],
  })
  await rig.judge.database.query({
    text: `UPDATE effects SET settled_at = settled_at - interval '2 hours'
      WHERE settled_at IS NOT NULL`,
  })
}

async function expectPausedAfterMost(deps: JudgeDeps): Promise<void> {
  await startAfresh()
  const end = async (over: Partial<ReceiptClaims>): Promise<void> =>
    settle((await paid(5_000, '5')).goalId, over, deps)
  for (let n = 1; n < MOST_FAILED_TRANSACTIONS; n += 1) await end({ code: 'REVERTED' })
  // What succeeded is none of them.
  await end({})
  await end({ state: 'REFUSED', code: 'UPSTREAM_REJECTED' })
  expect(await standing(), 'the agent after ten').toBe('ACTIVE')
  await end({ code: 'REVERTED' })
  expect(await standing(), 'the agent after eleven').toBe('PAUSED')
  const [fence] = await rig.judge.database.query<{ epoch: string }>({
    text: `SELECT epoch FROM fences WHERE scope LIKE 'agent:%default'`,
  })
  expect(Number(fence?.epoch)).toBeGreaterThan(0)
}

const failing = {
  id: 'failing-agent-pauses',
  title: 'an agent is paused when more than ten of its transactions fail within an hour',
}
guarantee({ ...failing, n: MOST_FAILED_TRANSACTIONS + 1, seed: 1 }, () =>
  expectPausedAfterMost(rig.judge.deps),
)

/** The Judge's record, with one statement of it put otherwise. */
function changed(name: string, change: (text: string) => string): JudgeDeps {
  const { database } = rig.judge
  const otherwise = (statement: Statement): Statement =>
    statement.name === name
      ? { ...statement, name: newId(), text: change(statement.text) }
      : statement
  return {
    ...rig.judge.deps,
    database: {
      ...database,
      query: (statement, scope) => database.query(otherwise(statement), scope),
    },
  }
}

control(
  { guard: 'the count of what failed', test: failing.id, expect: /the agent after eleven/ },
  () => expectPausedAfterMost(changed('count-failed-transactions', (text) => `${text} OFFSET 1`)),
)

control(
  { guard: 'the states that count as failed', test: failing.id, expect: /the agent after ten/ },
  () =>
    expectPausedAfterMost(
      changed('count-failed-transactions', (text) => text.replace(/AND \(e\.state IN[^]*\)\)/, '')),
    ),
)
