/** What a person makes of a proposal counts in the windows of the policy, as it is made. */
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { applyPolicy } from '@chimera/infra/database/policies/apply-policy'
import { readPolicy } from '@chimera/infra/policies/read-policy'
import type { JudgeDeps } from '@chimera/judge/handle-rings'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { seenThrough } from '../../faults/model/without.ts'
import { control, guarantee } from '../../guarantee.ts'
import { openApprovalRig, payment, type ApprovalRig, type Person } from './approval-rig.ts'

const POLICY = `policy: 1
name: windows
rules:
  - { id: pays, effect: allow, why: Payments are fine., when: { action: transfer } }
  - id: per-recipient
    effect: deny
    why: Nobody gets more in a day.
    when: { sum: { per: recipient, window: 24h, unit: ETH, gt: "100" } }
  - id: per-goal
    effect: deny
    why: No goal spends more in a day.
    when: { sum: { per: goal, window: 24h, unit: ETH, gt: "150" } }
`

let rig: ApprovalRig
let anna: Person
let ben: Person

beforeAll(async () => {
  rig = await openApprovalRig()
  anna = await rig.person()
  ben = await rig.person()
  const document = readPolicy(POLICY)
  const about = { source: POLICY, document, note: null, actor: 'test' }
  await applyPolicy(rig.judge.database, { tenantId: DEFAULT_TENANT, ...about })
})
afterAll(() => rig[Symbol.asyncDispose]())

type Paid = Readonly<{ to: string; amount: string }>

/** Whoever has not edited says yes to everything that is asked, until nobody asks. */
async function approveAll(goalId: string, deps?: JudgeDeps): Promise<void> {
  for (let turns = 0; turns < 8; turns += 1) {
    const open = (await rig.approvalsOf(goalId)).find(({ state }) => state === 'REQUESTED')
    if (open === undefined) return
    const { rings } = await rig.commit(ben, open.id, { decision: 'approve' })
    for (const { id } of rings) await rig.look(id, deps)
  }
  throw new Error('People are asked for ever.')
}

/** A goal that proposes 5 to 0xabc, once for each edit; people make this of it and approve. */
async function editedInto(edits: readonly Paid[], deps?: JudgeDeps) {
  const { goalId, taskId } = await rig.propose({
    effect: payment(),
    confidence: 1,
    hasTwin: edits.length > 1,
  })
  await rig.look(taskId, deps)
  const asked = await rig.approvalsOf(goalId)
  for (const [at, args] of edits.entries()) {
    await rig.commit(anna, asked[at]?.id ?? '', { decision: 'edit', args })
  }
  await rig.look(taskId, deps)
  await approveAll(goalId, deps)
  return rig.roundsOf(goalId)
}

let turn = 0
/** Somebody whom no other test pays. */
const payee = (): string => `0x${(turn += 1).toString(16).padStart(40, '0')}`

const states = (rounds: readonly { state: string }[]) => rounds.map(({ state }) => state)

const claim = {
  id: 'edit-in-its-window',
  title: 'an edit that leads into another window is counted there',
  n: 1,
  seed: 1,
}

async function paidTwice(deps?: JudgeDeps): Promise<void> {
  const to = payee()
  const first = await editedInto([{ to, amount: '90' }], deps)
  expect(states(first)).toEqual(['GRANTED'])
  const second = await editedInto([{ to, amount: '20' }], deps)
  expect(states(second), 'what goes over the window').toEqual(['DENIED'])
  const third = await editedInto([{ to, amount: '10' }], deps)
  expect(states(third), 'what still fits').toEqual(['GRANTED'])
}

guarantee(claim, () => paidTwice())

control({ guard: 'the sum of the window', test: claim.id, expect: /what goes over/ }, () => {
  const database = seenThrough(rig.judge.database, {
    change: ({ name }, row) => (name === 'read-windows' ? { ...row, held: '0' } : row),
  })
  return paidTwice({ ...rig.judge.deps, database })
})

test('edits of one result are counted together', async () => {
  const over = await editedInto([
    { to: payee(), amount: '80' },
    { to: payee(), amount: '81' },
  ])
  expect(states(over)).toEqual(['DENIED', 'DENIED'])
  const within = await editedInto([
    { to: payee(), amount: '80' },
    { to: payee(), amount: '70' },
  ])
  expect(states(within)).toEqual(['GRANTED', 'GRANTED'])
})

test('edits of one result to one recipient are counted together', async () => {
  const to = payee()
  const over = await editedInto([
    { to, amount: '60' },
    { to, amount: '60' },
  ])
  expect(states(over)).toEqual(['DENIED', 'DENIED'])
})
