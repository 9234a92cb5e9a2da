/** Real money of which nobody knows what it is worth: no budget of dollars can hold it. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { ALL_GATES, GATES } from '@chimera/domain/judging/gates/gates'
import { applyPolicy } from '@chimera/infra/database/policies/apply-policy'
import { setPrice } from '@chimera/infra/database/policies/prices'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import type { JudgeDeps } from '@chimera/judge/handle-rings'
import { afterAll, beforeAll, expect } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import {
  openApprovalRig,
  payment,
  type ApprovalRig,
  type Person,
} from './approvals/approval-rig.ts'

/** Two hundredths of an ether and a whole one: of 40 and 2,000 dollars a day holds the 40. */
const [SMALL, WHOLE] = [`2${'0'.repeat(16)}`, `1${'0'.repeat(18)}`]
/** It asks nothing about dollars, so that the gate of prices is alone with them. */
const POLICY = `policy: 1
name: test
rules:
  - { id: pays, effect: allow, why: A person approves., when: { action: transfer } }
`

let rig: ApprovalRig
let anna: Person
beforeAll(async () => {
  rig = await openApprovalRig()
  anna = await rig.person()
  const { database } = rig.judge
  await database.query({ text: `UPDATE tool_accounts SET live = true, backend = 'live'` })
  const document = readPolicy(POLICY)
  const of = { tenantId: DEFAULT_TENANT, source: POLICY, document, note: null, actor: 'test' }
  await applyPolicy(database, of)
})
afterAll(() => rig[Symbol.asyncDispose]())

async function price(ageMinutes: number): Promise<void> {
  const { database } = rig.judge
  await database.query({ text: 'DELETE FROM asset_prices' })
  await setPrice(database, {
    tenantId: DEFAULT_TENANT,
    asset: 'ETH',
    decimals: 18,
    usdMicros: 2_000_000_000n,
    source: 'test',
    actor: 'test',
  })
  await database.query({
    text: `UPDATE asset_prices SET taken_at = now() - $1 * interval '1 minute'`,
    values: [ageMinutes],
  })
}

async function forget(): Promise<void> {
  for (const table of ['budget_reservations', 'budgets', 'asset_prices']) {
    await rig.judge.database.query({ text: `DELETE FROM ${table}` })
  }
}

/** A live payment, approved where a person is asked; answers what became of its task. */
async function pay(amount: string, deps: JudgeDeps): Promise<string> {
  const params = { to: '0xabc', amount, text: '' }
  const { goalId, taskId } = await rig.propose({
    effect: payment(amount),
    confidence: 1,
    content: { text: 'do it', params, max_cost_usd: 5_000 },
    mode: 'live',
  })
  await rig.look(taskId, deps)
  const [approval] = await rig.approvalsOf(goalId)
  if (approval !== undefined) {
    await rig.commit(anna, approval.id, { decision: 'approve' })
    await rig.look(taskId, deps)
  }
  const { phase, failure } = await rig.taskOf(taskId)
  return failure === null ? phase : `${phase} ${failure.code}`
}

/** What the agent holds of the day, by asset. */
async function reserved(): Promise<Record<string, string>> {
  const rows = await rig.judge.database.query<{ asset: string; reserved: string }>({
    text: `SELECT asset, reserved FROM budgets WHERE scope = 'agent' AND reserved > 0`,
  })
  return Object.fromEntries(rows.map((row) => [row.asset, row.reserved]))
}

async function expectDollarsHeld(deps: JudgeDeps): Promise<void> {
  await forget()
  const unpriced = 'denied PRICE_UNAVAILABLE'
  expect(await pay(WHOLE, deps), 'live money without a price').toBe(unpriced)
  await price(61)
  expect(await pay(SMALL, deps), 'live money by a stale price').toBe(unpriced)
  expect(await reserved()).toEqual({})
  await price(30)
  expect(await pay(WHOLE, deps)).toBe('denied BUDGET_EXHAUSTED')
  expect(await pay(SMALL, deps)).toBe('granted')
  expect(await reserved()).toEqual({ USD: '40000000', ETH: SMALL, TRANSFERS: '1' })
}

const claim = {
  id: 'live-money-has-a-price',
  title: 'real money is granted by a fresh price, within the dollars of its budgets, or not at all',
}
guarantee({ ...claim, n: 4, seed: 1 }, () => expectDollarsHeld(rig.judge.deps))

control(
  { guard: 'the gate of prices', test: claim.id, expect: /live money without a price.*'granted'/ },
  () => {
    const gates = ALL_GATES.filter((gate) => gate !== GATES.price)
    return expectDollarsHeld({ ...rig.judge.deps, gates })
  },
)
