import { GrantClaims } from '@chimera/contracts/grant'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { draftAudit } from '@chimera/infra/database/append-audit'
import { listApprovals } from '@chimera/infra/database/approvals/list-approvals'
import { cancelGoal } from '@chimera/infra/database/goals/cancel-goal'
import { handleRings } from '@chimera/judge/handle-rings'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { receiptFor } from '../judge-rig.ts'
import { openApprovalRig, payment, tweet, type ApprovalRig, type Person } from './approval-rig.ts'

let rig: ApprovalRig
let anna: Person
let ben: Person

beforeAll(async () => {
  rig = await openApprovalRig()
  anna = await rig.person()
  ben = await rig.person()
})
afterAll(() => rig[Symbol.asyncDispose]())

/** A goal whose one task waits for people; answers its request. */
async function asked(of: Parameters<ApprovalRig['propose']>[0] = {}) {
  const ids = await rig.propose(of)
  await rig.look(ids.taskId)
  const [approval] = await rig.approvalsOf(ids.goalId)
  if (approval === undefined) throw new Error('nobody was asked')
  return { ...ids, id: approval.id }
}

const grantOf = async (goalId: string) => {
  const [effect] = (await rig.roundsOf(goalId)).slice(-1)
  return GrantClaims.parse(decodeJwt(effect?.grant_jws ?? ''))
}

describe('a result between 0.70 and 0.90', () => {
  it('waits for a person, and its effect is granted on the approval', async () => {
    const { goalId, taskId, id } = await asked()
    expect(await rig.taskOf(taskId)).toMatchObject({
      phase: 'awaiting_approval',
      waiting_on: { reason: `approval ${id}` },
    })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'AWAITING_APPROVAL' }])
    await rig.say(anna, id, { decision: 'approve' })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'GRANTED', approvals: [id] }])
    expect(await grantOf(goalId)).toMatchObject({ approvals: [id], round: 1 })
    expect(await rig.taskOf(taskId)).toMatchObject({ phase: 'granted' })
  })

  it('without an effect waits as well, and is done on the approval', async () => {
    const { taskId, id } = await asked({ effect: null })
    expect(await rig.taskOf(taskId)).toMatchObject({ phase: 'awaiting_approval' })
    await rig.say(anna, id, { decision: 'approve' })
    expect(await rig.taskOf(taskId)).toMatchObject({ phase: 'done' })
  })
})

describe('a decision', () => {
  it('to reject ends the task; the same words again change nothing', async () => {
    const { goalId, taskId, id } = await asked()
    await rig.say(anna, id, { decision: 'reject', reason: 'not in our name' })
    expect(await rig.taskOf(taskId)).toMatchObject({
      phase: 'denied',
      failure: { code: 'APPROVAL_REJECTED' },
    })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'DENIED' }])
    await expect(rig.say(ben, id, { decision: 'approve' })).rejects.toThrow(/REJECTED already/)
  })

  it('to respond sends the words to the Worker, which tries again', async () => {
    const { goalId, taskId, id } = await asked()
    await rig.say(anna, id, { decision: 'respond', reason: 'say it kindlier' })
    expect(await rig.taskOf(taskId)).toMatchObject({
      phase: 'ready',
      feedback: 'say it kindlier',
      rejections: 1,
    })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'DENIED' }])
  })

  it('that comes twice has no effect the second time', async () => {
    const { goalId, id } = await asked()
    expect(await rig.say(anna, id, { decision: 'approve' })).toMatchObject({ isNew: true })
    const again = await rig.say(anna, id, { decision: 'approve' })
    expect(again).toMatchObject({ isNew: false, rings: [] })
    expect(await rig.roundsOf(goalId)).toHaveLength(1)
  })

  it('to edit takes the place of the original, and is what is granted', async () => {
    const { goalId, id } = await asked()
    const args = { ...tweet().args, text: 'hello, dear world' }
    await rig.say(anna, id, { decision: 'edit', args })
    const [first, second] = await rig.approvalsOf(goalId)
    expect(first).toMatchObject({ state: 'EDITED', superseded_by: second?.id })
    expect(second).toMatchObject({ state: 'APPROVED', editor: anna.name })
    const [round] = await rig.roundsOf(goalId)
    expect(round).toMatchObject({ round: 1, state: 'GRANTED', args, approvals: [second?.id] })
    expect(await grantOf(goalId)).toMatchObject({ args_hash: second?.args_hash })
    await expect(rig.say(ben, id, { decision: 'approve' })).rejects.toThrow(/takes its place/)
    // The provider refuses for now: the next round is the edit's, not the original.
    await close(goalId)
    const rounds = await rig.roundsOf(goalId)
    expect(rounds).toMatchObject([{ state: 'NOT_SENT' }, { state: 'GRANTED', args }])
  })

  it('to reject after the grant asks for its void', async () => {
    const { goalId, id } = await asked()
    await rig.say(anna, id, { decision: 'approve' })
    await rig.say(ben, id, { decision: 'reject', reason: 'stop it' })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'GRANTED', cancelling: true }])
    const [row] = await rig.judge.database.query({
      text: 'SELECT void_reason, void_jws FROM effects WHERE goal_id = $1',
      values: [goalId],
    })
    expect(row).toMatchObject({ void_reason: 'rejected', void_jws: expect.any(String) })
  })
})

/** The ledger says that the newest round was not sent; the Judge looks again. */
async function close(goalId: string): Promise<void> {
  const [effect] = (await rig.roundsOf(goalId)).slice(-1)
  if (effect?.grant_id === null || effect === undefined) throw new Error('nothing was granted')
  const claims = receiptFor(
    { ...effect, slot: 'publish', grant_id: effect.grant_id, grant_jws: '' },
    { state: 'NOT_SENT', provider_ref: undefined, retry_after_ms: 0 },
  )
  const jws = await rig.judge.sign(claims)
  const id = await rig.judge.carry(jws)
  await handleRings(rig.judge.deps, [{ look_at: 'receipt', id }])
  const [task] = await rig.judge.database.query<{ id: string }>({
    text: 'SELECT id FROM tasks WHERE goal_id = $1',
    values: [goalId],
  })
  await rig.look(task?.id ?? '')
}

describe('an approval', () => {
  it('serves a further round of the same arguments until it expires', async () => {
    const { goalId, taskId, id } = await asked()
    await rig.say(anna, id, { decision: 'approve' })
    await close(goalId)
    expect(await rig.roundsOf(goalId)).toMatchObject([
      { state: 'NOT_SENT', approvals: [id] },
      { state: 'GRANTED', approvals: [id] },
    ])
    await rig.letTimePass(id)
    await close(goalId)
    expect(await rig.taskOf(taskId)).toMatchObject({ phase: 'awaiting_approval' })
    expect(await rig.approvalsOf(goalId)).toMatchObject([
      { state: 'APPROVED' },
      { state: 'REQUESTED' },
    ])
  })

  it('that nobody gives in time expires, and its task is denied', async () => {
    const { goalId, taskId, id } = await asked()
    await rig.letTimePass(id)
    await expect(rig.say(anna, id, { decision: 'approve' })).rejects.toThrow(/is over/)
    await rig.sweep()
    expect(await rig.approvalsOf(goalId)).toMatchObject([{ state: 'EXPIRED' }])
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'EXPIRED' }])
    expect(await rig.taskOf(taskId)).toMatchObject({
      phase: 'denied',
      failure: { code: 'APPROVAL_EXPIRED' },
    })
  })

  it('of a goal that is cancelled is called off', async () => {
    const { goalId, id } = await asked()
    await rig.judge.database.transaction((tx) =>
      cancelGoal(tx, { tenantId: DEFAULT_TENANT, goalId }, draftAudit()),
    )
    expect(await rig.approvalsOf(goalId)).toMatchObject([{ id, state: 'CANCELLED' }])
    await expect(rig.say(anna, id, { decision: 'approve' })).rejects.toThrow(/CANCELLED already/)
  })

  it('of somebody who may not approve any more counts no longer', async () => {
    const carla = await rig.person()
    const { goalId, taskId, id } = await asked()
    const deps = { ...rig.judge.deps }
    // Approved, and removed before the Judge has looked.
    const { decide } = await import('@chimera/gateway/approvals/decide')
    await decide(rig.judge.database, {
      principal: carla.principal,
      id,
      decision: { decision: 'approve' },
    })
    await rig.judge.database.query({
      text: 'UPDATE api_tokens SET revoked_at = now() WHERE id = $1',
      values: [carla.principal.tokenId],
    })
    await rig.look(taskId, deps)
    expect(await rig.taskOf(taskId)).toMatchObject({ phase: 'awaiting_approval' })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'AWAITING_APPROVAL' }])
    await expect(rig.say(carla, id, { decision: 'approve' })).rejects.toThrow(/any more/)
  })
})

describe('money', () => {
  const money = { effect: payment(), confidence: 1 }

  it('never moves without a person, nor on the word of who asked for it', async () => {
    const owner = await rig.person()
    const { goalId, id } = await asked({ ...money, requester: owner.name })
    await expect(rig.say(owner, id, { decision: 'approve' })).rejects.toThrow(/may not approve/)
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'AWAITING_APPROVAL' }])
    await rig.say(anna, id, { decision: 'approve' })
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'GRANTED', approvals: [id] }])
  })

  it('that was edited needs another person than the editor', async () => {
    const { goalId, id } = await asked(money)
    await rig.say(anna, id, { decision: 'edit', args: { to: '0xabc', amount: '4' } })
    const [, second] = await rig.approvalsOf(goalId)
    expect(second).toMatchObject({ state: 'REQUESTED', editor: anna.name })
    await expect(rig.say(anna, second?.id ?? '', { decision: 'approve' })).rejects.toThrow(
      /may not approve/,
    )
    expect(await rig.roundsOf(goalId)).toMatchObject([{ state: 'AWAITING_APPROVAL' }])
    await rig.say(ben, second?.id ?? '', { decision: 'approve' })
    expect(await rig.roundsOf(goalId)).toMatchObject([
      { state: 'GRANTED', args: { amount: '4' }, approvals: [second?.id] },
    ])
  })
})

it('the inbox is ordered by expiry and shows risk and what is new', async () => {
  await asked({ effect: payment(), confidence: 1 })
  const { approvals } = await listApprovals(rig.judge.database, {
    tenantId: DEFAULT_TENANT,
    state: 'REQUESTED',
    limit: 100,
  })
  const times = approvals.map(({ expires_at: at }) => at)
  expect(times).toEqual(times.toSorted())
  expect(approvals.at(-1)).toMatchObject({
    tool: 'transfer_native',
    risk: { level: 'high', money: true },
    diff: [{ argument: 'amount', was: '4', now: '5' }],
    needed: 1,
    not_requester: true,
  })
})
