import type { ResultRing } from '@chimera/contracts/judging/rings'
import { handleRings } from '@chimera/judge/handle-rings'
import { afterAll, beforeAll, expect, it } from 'vitest'

import {
  type JudgeRig,
  effectsOf,
  openJudgeRig,
  plannedGoal,
  receiptFor,
  tweetEffect,
} from './judge-rig.ts'

const GOALS = 40
const MAX_GRANTED = 5

let rig: JudgeRig
beforeAll(async () => {
  rig = await openJudgeRig()
})
afterAll(() => rig[Symbol.asyncDispose]())

const nameOf = (index: number): string => `room-${String(index).padStart(3, '0')}`

/** Goals with a grant out, in the order of their results. */
async function outGoals(): Promise<string[]> {
  const rows = await rig.database.query<{ goal_id: string }>({
    text: `SELECT goal_id FROM effects WHERE state = 'GRANTED' ORDER BY goal_id`,
    values: [],
  })
  return rows.map(({ goal_id: goalId }) => goalId)
}

const judgements = async (): Promise<number> => {
  const [row] = await rig.database.query<{ n: number }>({
    text: `SELECT count(*)::int AS n FROM audit_entries, jsonb_array_elements(items) AS item
      WHERE item ->> 'subject' = 'task'`,
    values: [],
  })
  return row?.n ?? 0
}

it('what waits for an account is granted in turn as grants come back', async () => {
  const deps = { ...rig.deps, maxGranted: MAX_GRANTED }
  const ids: string[] = []
  for (let index = 0; index < GOALS; index += 1) {
    const tasks = [{ effects: [tweetEffect()] }]
    ids.push(...(await plannedGoal(rig.database, { id: nameOf(index), slots: ['publish'], tasks })))
  }
  const rings: ResultRing[] = ids.map((id) => ({ look_at: 'task', id }))
  // Shuffled: the order of the rings says nothing of who has waited longest.
  await handleRings(deps, rings.toReversed())
  const first = Array.from({ length: MAX_GRANTED }, (_, index) => nameOf(index))
  expect(await outGoals()).toEqual(first)

  const looked = await judgements()
  await handleRings(deps, rings)
  expect(await judgements(), 'a ring before its time changes nothing').toBe(looked)

  for (let done = 0; done < GOALS; done += 1) {
    const [goal = ''] = await outGoals()
    expect(goal).toBe(nameOf(done))
    const [effect] = await effectsOf(rig.database, goal)
    if (effect === undefined) throw new Error(`nothing is out for ${goal}`)
    const receipt = await rig.carry(await rig.sign(receiptFor(effect)))
    await handleRings(deps, [{ look_at: 'receipt', id: receipt }])
    expect(await outGoals()).toHaveLength(Math.min(MAX_GRANTED, GOALS - done - 1))
  }
  // Each goal: put off once at most, granted, done. Looking again and again would be GOALS² / 2.
  expect(await judgements()).toBeLessThanOrEqual(4 * GOALS)
})
