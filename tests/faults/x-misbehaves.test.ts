import type { GoalView, SimulatedControl } from '@chimera/contracts/observable'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { ended } from '../e2e/stack-rig.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'
import { budgets, type FaultRig, lives, openFaultRig, postGoals } from './fault-rig.ts'

let faults: FaultRig
let before: Record<string, number>

beforeAll(async () => {
  faults = await openFaultRig()
  // A second post of the same words would be refused by X, and so would never be seen.
  await faults.rig.misbehave({ duplicate_check: false })
  before = await lives(faults)
}, 120_000)
afterAll(() => faults[Symbol.asyncDispose]())

/** No words are a part of others. */
const wordsOf = (id: string): string => `words of ${id}.`

const tweetsOf = (text: string, { rig } = faults) =>
  rig.tweets().filter(({ body }) => JSON.stringify(body).includes(text))

/** Posts one tweet while X misbehaves, and waits until its goal has ended. */
async function tweet(id: string, misbehaviour: SimulatedControl, on = faults): Promise<GoalView> {
  await on.rig.misbehave({ ...misbehaviour, match: wordsOf(id) })
  await postGoals(on, [{ id, text: `publish a tweet: ${wordsOf(id)}` }])
  return ended(on.rig, id, 60_000)
}

/** One tweet, and nothing left that waits for it. */
async function expectOnce(goal: GoalView, on = faults): Promise<void> {
  const [tweeted, ...others] = tweetsOf(wordsOf(goal.id), on)
  expect(others).toEqual([])
  expect(goal).toMatchObject({ status: 'COMPLETED', tasks_open: 0, waiting_on: null })
  const confirmed = goal.effects.filter(({ state }) => state === 'CONFIRMED')
  expect(confirmed.map(({ provider_ref }) => provider_ref)).toEqual([tweeted?.id])
  await expectSettled(goal, confirmed.length, on)
}

/** Nothing is reserved any more, and as much was spent as receipts say. */
async function expectSettled(goal: GoalView, happened: number, on = faults): Promise<void> {
  const cost = goal.effects
    .filter(({ state }) => state === 'CONFIRMED')
    .reduce((sum, { receipt }) => sum + Number(receipt?.cost_usd_micros ?? 0), 0)
  const row = await budgets(on, goal.id)
  expect(row ?? { reserved: '0', spent: '0' }).toEqual({ reserved: '0', spent: String(cost) })
  expect(happened === 0 ? cost : 0).toBe(0)
}

/** How the rounds ended that did not meet the cooldown, which another test's tweet may leave. */
const rounds = (goal: GoalView) =>
  goal.effects.flatMap(({ state, code }) => (code === 'COOLDOWN_ACTIVE' ? [] : [state]))

const LOST: [SimulatedControl['fault'], string][] = [
  ['cut', 'closes the connection after it took the post'],
  ['hang', 'takes the post and never answers'],
  ['5xx_after', 'takes the post and answers 503'],
]

const NOT_TAKEN: [SimulatedControl['fault'], string][] = [
  ['5xx', 'answers 503 and takes nothing'],
  ['reset_before', 'closes the connection and takes nothing'],
]

// Two at a time: most of it is waiting until absence counts.
describe.concurrent('once or honestly unknown', () => {
  for (const [fault, what] of LOST) {
    guarantee(
      { id: `x-${fault}`, title: `X ${what}: one tweet`, n: 1, seed: 0, timeoutMs: 90_000 },
      async () => {
        const goal = await tweet(`x-${fault}`, { fault })
        await expectOnce(goal)
        // It is never sent again: what happened is found by asking.
        expect(rounds(goal)).toEqual(['CONFIRMED'])
      },
    )
  }

  for (const [fault, what] of NOT_TAKEN) {
    guarantee(
      { id: `x-${fault}`, title: `X ${what}: one tweet later`, n: 1, seed: 0, timeoutMs: 90_000 },
      async () => {
        const goal = await tweet(`x-${fault}`, { fault })
        await expectOnce(goal)
        expect(rounds(goal)).toEqual(['NOT_HAPPENED', 'CONFIRMED'])
      },
    )
  }
})

/** Within the bound of absence, and beyond the time of two looks. */
const LATE_MS = 1_200

async function expectLateIsOnce(on: FaultRig): Promise<void> {
  await on.rig.misbehave({ timeline_delay_ms: LATE_MS })
  const goal = await tweet('x-timeline-late', { fault: 'cut' }, on)
  await on.rig.misbehave({ timeline_delay_ms: 0 })
  await expectOnce(goal, on)
  expect(rounds(goal)).toEqual(['CONFIRMED'])
}

guarantee(
  {
    id: 'x-timeline-late',
    title: 'X loses the answer and shows the post late, within the bound: one tweet',
    n: 1,
    seed: 0,
    timeoutMs: 90_000,
  },
  () => expectLateIsOnce(faults),
)

control(
  {
    guard: 'the bound before which absence proves nothing',
    test: 'x-timeline-late',
    expect: /to deeply equal \[\]/,
    timeoutMs: 120_000,
  },
  async () => {
    await using hasty = await openFaultRig({ TWEET_ABSENCE_MS: '1' })
    await hasty.rig.misbehave({ duplicate_check: false })
    await expectLateIsOnce(hasty)
  },
)

test('X limits the rate: the tweet waits for the reset that X names', async () => {
  // X's own windows are 15 minutes; the simulated one can be told otherwise.
  const limited = { fault: '429', reset_in_ms: 2_000 } as const
  const goal = await tweet('x-429', limited)
  await expectOnce(goal)
  expect(rounds(goal)).toEqual(['REFUSED', 'CONFIRMED'])
  expect(goal.effects.map(({ code }) => code)).toContain('UPSTREAM_RATE_LIMITED')
})

test('X calls it a duplicate: the goal fails and says so', async () => {
  const goal = await tweet('x-duplicate', { fault: '403_duplicate' })
  expect(goal).toMatchObject({ status: 'FAILED', failure: { code: 'DUPLICATE' }, tasks_open: 0 })
  expect(tweetsOf(wordsOf('x-duplicate'))).toEqual([])
  await expectSettled(goal, 0)
})

guarantee(
  {
    id: 'x-storm',
    title: 'X misbehaves in any order: one tweet for each goal',
    n: sampleSize({ ci: 5, full: 200 }),
    seed: 7,
    timeoutMs: sampleSize({ ci: 120_000, full: 600_000 }),
  },
  async ({ n, random }) => {
    const FAULTS = ['cut', 'hang', '5xx', '5xx_after', 'reset_before', 'none'] as const
    const ids = Array.from({ length: n }, (_, at) => `x-storm-${at}`)
    for (const id of ids) {
      const fault = random.pick(FAULTS)
      if (fault !== 'none') await faults.rig.misbehave({ fault, match: wordsOf(id) })
    }
    await postGoals(
      faults,
      ids.map((id) => ({ id, text: `publish a tweet: ${wordsOf(id)}` })),
    )
    for (const id of ids) await expectOnce(await ended(faults.rig, id, 100_000))
  },
)

test('and no process has ended of it', async () => {
  expect(await lives(faults)).toEqual(before)
})
