import { setTimeout } from 'node:timers/promises'

import type { ResultRing } from '@chimera/contracts/judging/rings'
import type { Database } from '@chimera/infra/database/open-database'
import { handleRings } from '@chimera/judge/handle-rings'
import { expect, it } from 'vitest'

import { effectsOf, openJudgeRig, plannedGoal, receiptFor, tweetEffect } from './judge-rig.ts'

const GOALS = 40
const MAX_GRANTED = 5

const nameOf = (index: number): string => `room-${String(index).padStart(3, '0')}`

/** Goals with a grant out, in the order of their results. */
async function outGoals(database: Database): Promise<string[]> {
  const rows = await database.query<{ goal_id: string }>({
    text: `SELECT goal_id FROM effects WHERE state = 'GRANTED' ORDER BY goal_id`,
    values: [],
  })
  return rows.map(({ goal_id: goalId }) => goalId)
}

const judgements = async (database: Database): Promise<number> => {
  const [row] = await database.query<{ n: number }>({
    text: `SELECT count(*)::int AS n FROM audit_entries, jsonb_array_elements(items) AS item
      WHERE item ->> 'subject' = 'task'`,
    values: [],
  })
  return row?.n ?? 0
}

it('what waits for an account is granted in turn as grants come back', async () => {
  await using rig = await openJudgeRig()
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
  expect(await outGoals(rig.database)).toEqual(first)

  const looked = await judgements(rig.database)
  await handleRings(deps, rings)
  expect(await judgements(rig.database), 'a ring before its time changes nothing').toBe(looked)

  for (let done = 0; done < GOALS; done += 1) {
    const [goal = ''] = await outGoals(rig.database)
    expect(goal).toBe(nameOf(done))
    const [effect] = await effectsOf(rig.database, goal)
    if (effect === undefined) throw new Error(`nothing is out for ${goal}`)
    const receipt = await rig.carry(await rig.sign(receiptFor(effect)))
    await handleRings(deps, [{ look_at: 'receipt', id: receipt }])
    expect(await outGoals(rig.database)).toHaveLength(Math.min(MAX_GRANTED, GOALS - done - 1))
  }
  // Each goal: put off once at most, granted, done. Looking again and again would be GOALS² / 2.
  expect(await judgements(rig.database)).toBeLessThanOrEqual(4 * GOALS)
})

it('a tool that keeps cooldowns gets one grant at a time, and none while one runs', async () => {
  await using rig = await openJudgeRig()
  const { deps, database } = rig
  const ids: string[] = []
  for (let index = 0; index < 4; index += 1) {
    const tasks = [{ effects: [tweetEffect()] }]
    ids.push(...(await plannedGoal(database, { id: nameOf(index), slots: ['publish'], tasks })))
  }
  const rings: ResultRing[] = ids.map((id) => ({ look_at: 'task', id }))
  const answer = async (goal: string, over: Parameters<typeof receiptFor>[1]): Promise<void> => {
    const effect = (await effectsOf(database, goal)).at(-1)
    if (effect === undefined) throw new Error(`nothing is out for ${goal}`)
    const receipt = await rig.carry(await rig.sign(receiptFor(effect, over)))
    await handleRings(deps, [{ look_at: 'receipt', id: receipt }])
  }
  const cooldown = { state: 'VOID', code: 'COOLDOWN_ACTIVE', retry_after_ms: 1_200 } as const

  // Nobody knows yet that there is a cooldown: two go out, and one comes back with it.
  await handleRings(deps, rings.slice(0, 2))
  await answer(nameOf(0), {})
  await answer(nameOf(1), cooldown)
  await handleRings(deps, rings)
  expect(await outGoals(database), 'none while it runs').toEqual([])
  const [waiting] = await database.query<{ reason: string }>({
    text: `SELECT waiting_on ->> 'reason' AS reason FROM tasks WHERE goal_id = $1`,
    values: [nameOf(3)],
  })
  expect(waiting?.reason).toMatch(/^cooldown of x:default until /)

  await setTimeout(1_300)
  await handleRings(deps, rings)
  expect(await outGoals(database), 'the longest waiting one').toEqual([nameOf(1)])
  await answer(nameOf(1), {})
  expect(await outGoals(database), 'the next when it is back').toEqual([nameOf(2)])
  const rounds = await Promise.all([0, 1, 2, 3].map((i) => effectsOf(database, nameOf(i))))
  expect(rounds.map((of) => of.length)).toEqual([1, 2, 1, 0])
})

it('a provider that was busy once does not get one grant at a time for ever', async () => {
  await using rig = await openJudgeRig()
  const { database } = rig
  const deps = { ...rig.deps, maxGranted: MAX_GRANTED }
  const ids: string[] = []
  for (let index = 0; index < 12; index += 1) {
    const tasks = [{ effects: [tweetEffect()] }]
    ids.push(...(await plannedGoal(database, { id: nameOf(index), slots: ['publish'], tasks })))
  }
  const rings: ResultRing[] = ids.map((id) => ({ look_at: 'task', id }))
  const answer = async (over: Parameters<typeof receiptFor>[1]): Promise<void> => {
    const [goal = ''] = await outGoals(database)
    const effect = (await effectsOf(database, goal)).at(-1)
    if (effect === undefined) throw new Error(`nothing is out for ${goal}`)
    const receipt = await rig.carry(await rig.sign(receiptFor(effect, over)))
    await handleRings(deps, [{ look_at: 'receipt', id: receipt }])
  }
  await handleRings(deps, rings)
  await answer({ state: 'REFUSED', code: 'UPSTREAM_RATE_LIMITED', retry_after_ms: 3_000 })
  for (let left = MAX_GRANTED - 1; left > 0; left -= 1) await answer({})
  expect(await outGoals(database), 'none while it is busy').toEqual([])
  await setTimeout(3_100)
  await handleRings(deps, rings)
  expect(await outGoals(database), 'one, to see whether it still is').toHaveLength(1)
  await answer({})
  expect(await outGoals(database), 'and one more').toHaveLength(1)
  await answer({})
  expect(await outGoals(database), 'then as many as it may have').toHaveLength(MAX_GRANTED)
})
