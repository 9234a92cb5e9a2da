import { setTimeout as sleep } from 'node:timers/promises'

import { expect } from 'vitest'

import { eventually } from '../../e2e/stack-rig.ts'
import { guarantee, type Random, sampleSize } from '../../guarantee.ts'
import { findPids, signalAll } from './process-table.ts'
import { startSecond } from './second-process.ts'
import { openStormRig, type StormRig } from './storm-rig.ts'
import { planGoals } from './workload.ts'

const SETTLES_WITHIN_MS = 60_000
/** Longer than a grant lives. */
const SLEEPS_MS = 65_000
const isFull = sampleSize({ ci: 0, full: 1 }) === 1

/**
 * Goals whose grants have left the record and cannot act yet, because the tool server stands still:
 * the Worker's calls are in its socket.
 */
async function grantToSleeper(storm: StormRig, given: { n: number; random: Random }) {
  const sleeper = await findPids(storm.stack, 'tweet')
  const planner = await findPids(storm.stack, 'planner')
  const planned = planGoals(given.random, { n: given.n, prefix: 'late' })
  const goals = planned.filter(({ words }) => words !== undefined)
  signalAll(planner, 'SIGSTOP')
  await storm.post(goals, 100)
  signalAll(sleeper, 'SIGSTOP')
  signalAll(planner, 'SIGCONT')
  const findGranted = async () => {
    const seen = await Promise.all(goals.map(({ id }) => storm.rig.goal(id)))
    return seen.filter(({ effects }) => effects.some(({ state }) => state === 'GRANTED'))
  }
  // A server that does not answer is closed after a while, and nothing is granted for it then.
  const isAny = async () => (await findGranted()).length > 0 || undefined
  await eventually(isAny, 20_000, 'a goal is granted')
  // The Worker hears of a grant within milliseconds, and then it has it in its hand.
  await sleep(500)
  return { sleeper, granted: await findGranted() }
}

async function expectOnceEach(storm: StormRig): Promise<void> {
  const { checked, settledInMs } = await storm.settle(SETTLES_WITHIN_MS)
  expect(checked.findings).toEqual([])
  expect(settledInMs, 'everything settles').toBeDefined()
  expect(checked.counts.completed).toBe(checked.counts.accepted)
}

const roundsOf = async (storm: StormRig, goals: readonly { id: string }[]): Promise<string[]> => {
  const seen = await Promise.all(goals.map(({ id }) => storm.rig.goal(id)))
  return seen.map(({ effects }) => effects.map(({ state }) => state).join(' '))
}

guarantee(
  {
    id: 'late-waker',
    title: 'a Worker that sleeps with grants in its hand wakes up when others have done the work',
    n: sampleSize({ ci: 10, full: 30 }),
    seed: 41,
    timeoutMs: 240_000,
  },
  async ({ n, random }) => {
    await using storm = await openStormRig()
    const { sleeper, granted } = await grantToSleeper(storm, { n, random })
    const worker = await findPids(storm.stack, 'worker')
    signalAll(worker, 'SIGSTOP')
    try {
      // Another start of the tool server: the grants that are on their way are for a dead one.
      signalAll(sleeper, 'SIGKILL')
      await using second = await startSecond(storm, 'worker')
      await second.ready
      await expectOnceEach(storm)
      signalAll(worker, 'SIGCONT')
      await sleep(3_000)
    } finally {
      signalAll(worker, 'SIGCONT')
    }
    await expectOnceEach(storm)
    const rounds = await roundsOf(storm, granted)
    expect(new Set(rounds)).toEqual(new Set(['EXPIRED CONFIRMED']))
  },
)

// By the clock it takes more than a minute, which is what a grant lives.
for (const target of isFull ? (['tweet', 'worker'] as const) : []) {
  guarantee(
    {
      id: `late-waker:${target}`,
      title: `the ${target} wakes up after a minute with grants in its hand`,
      n: 30,
      seed: 42,
      timeoutMs: 400_000,
    },
    async ({ n, random }) => {
      await using storm = await openStormRig()
      const { sleeper, granted } = await grantToSleeper(storm, { n, random })
      const sleepers = target === 'tweet' ? sleeper : await findPids(storm.stack, target)
      signalAll(sleepers, 'SIGSTOP')
      // The Worker's calls are cut off with it; the tool server reads them when it wakes up.
      if (target === 'worker') signalAll(sleeper, 'SIGCONT')
      await sleep(SLEEPS_MS)
      signalAll([...sleeper, ...sleepers], 'SIGCONT')
      await expectOnceEach(storm)
      const rounds = await roundsOf(storm, granted)
      if (target === 'tweet') expect(new Set(rounds)).toEqual(new Set(['EXPIRED CONFIRMED']))
    },
  )
}
