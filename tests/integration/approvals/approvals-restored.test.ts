/** What people had been asked, or had said, when the backup was made that a record comes from. */
import { renewRecord } from '@chimera/infra/database/backup/renew-record'
import { resume } from '@chimera/infra/database/fences/resume'
import { expect, test } from 'vitest'

import { BOOT, LEDGER } from '../judge-rig.ts'
import { openApprovalRig } from './approval-rig.ts'

test('no word from before a restore counts, and people are asked again', async () => {
  await using rig = await openApprovalRig()
  const { database } = rig.judge
  const [anna, ben] = [await rig.person(), await rig.person()]
  const asked = async () => {
    const { goalId, taskId } = await rig.propose({ confidence: 0.8 })
    await rig.look(taskId)
    const [request] = await rig.approvalsOf(goalId)
    return { goalId, taskId, id: request?.id ?? '' }
  }
  const open = await asked()
  // Approved, and the Judge has not looked yet.
  const given = await asked()
  await rig.commit(anna, given.id, { decision: 'approve' })

  await renewRecord({ database, ledgers: [] })
  expect(await rig.approvalsOf(open.goalId)).toMatchObject([{ state: 'CANCELLED' }])
  expect(await rig.approvalsOf(given.goalId)).toMatchObject([
    { state: 'APPROVED', withdrawn_at: expect.any(Date) },
  ])
  await expect(rig.commit(ben, open.id, { decision: 'approve' })).rejects.toThrow(/CANCELLED/)

  await resume(database, { scope: 'everything', actor: 'test' })
  await database.query({
    text: `UPDATE tool_accounts SET state = 'open', boot = $1, ledger_id = $2, reason = NULL`,
    values: [BOOT, LEDGER],
  })
  for (const { goalId, taskId, id } of [open, given]) {
    await rig.look(taskId)
    const states = (await rig.roundsOf(goalId)).map(({ state }) => state)
    expect(states).toEqual(['EXPIRED', 'AWAITING_APPROVAL'])
    const again = (await rig.approvalsOf(goalId)).at(-1)
    expect(again).toMatchObject({ state: 'REQUESTED' })
    expect(again?.id).not.toBe(id)
    await rig.say(ben, again?.id ?? '', { decision: 'approve' })
    expect((await rig.roundsOf(goalId)).at(-1)).toMatchObject({ state: 'GRANTED' })
  }
})
