import type { ReceiptClaims } from '@chimera/contracts/grant'
/** What transfers take of budgets: dollars by a stored price, until receipts say otherwise. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { setPrice } from '@chimera/infra/database/policies/prices'
import { handleRings } from '@chimera/judge/handle-rings'
import { MOST_FAILED_TRANSACTIONS } from '@chimera/judge/pause-failing'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

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

async function settle(goalId: string, over: Partial<ReceiptClaims>): Promise<void> {
  const [effect] = await effectsOf(rig.judge.database, goalId)
  if (effect === undefined) throw new Error('nothing was granted')
  const claims = receiptFor(effect, { iss: 'evm:default', tool: 'transfer_native', ...over })
  const id = await rig.judge.carry(await rig.judge.sign(claims))
  await handleRings(rig.judge.deps, [{ look_at: 'receipt', id }])
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

it('pauses its agent when more than ten fail within an hour', async () => {
  await rig.judge.database.query({
    text: `INSERT INTO agents (tenant_id, id, version_id, audit_id)
      VALUES ($1, 'default', new_version(), new_version()) ON CONFLICT DO NOTHING`,
    values: [DEFAULT_TENANT],
  })
  await rig.judge.database.query({
    text: `UPDATE effects SET settled_at = settled_at - interval '2 hours'
      WHERE settled_at IS NOT NULL`,
  })
  const fail = async (over: Partial<ReceiptClaims>): Promise<void> =>
    settle((await paid(5_000, '5')).goalId, over)
  for (let n = 1; n < MOST_FAILED_TRANSACTIONS; n += 1) await fail({ code: 'REVERTED' })
  // What succeeded is none of them.
  await fail({})
  await fail({ state: 'REFUSED', code: 'UPSTREAM_REJECTED' })
  expect(await standing()).toBe('ACTIVE')
  await fail({ code: 'REVERTED' })
  expect(await standing()).toBe('PAUSED')
  const [fence] = await rig.judge.database.query<{ epoch: string }>({
    text: `SELECT epoch FROM fences WHERE scope LIKE 'agent:%default'`,
  })
  expect(Number(fence?.epoch)).toBeGreaterThan(0)
})
