import { join } from 'node:path'

import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import type { SimulatedControl } from '@chimera/contracts/observable'
import { afterAll, beforeAll, describe, expect } from 'vitest'

import { ended, eventually } from '../e2e/stack-rig.ts'
import { silence, startStandIn, type StandIn } from '../e2e/stand-in.ts'
import { startTestWorker } from '../e2e/test-worker/start-test-worker.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'
import { openComposedAccount } from './composed-account.ts'
import { budgets, type FaultRig, openFaultRig, postGoals } from './fault-rig.ts'
import { forceAgain } from './force-again.ts'

const LEASE_MS = 2_000

let faults: FaultRig

beforeAll(async () => {
  faults = await openFaultRig({ LEASE_MS: String(LEASE_MS) })
  await faults.rig.misbehave({ duplicate_check: false })
  await silence(faults.rig, 'worker')
}, 120_000)
afterAll(async () => {
  // What sleeps cannot be asked to stop, and would be waited for.
  await faults.rig.signal('worker', 'SIGCONT')
  await faults[Symbol.asyncDispose]()
})

const startWorker = (name: string, crashAt?: CrashPoint): Promise<StandIn> =>
  startTestWorker(faults.rig, {
    name,
    args: ['--reword'],
    leaseMs: LEASE_MS,
    ...(crashAt === undefined ? {} : { crashAt }),
  })

/** Tweets of one goal: its words begin with its id, and only the last of them may be missing. */
const tweetsOf = (id: string) =>
  faults.rig.tweets().filter(({ body }) => JSON.stringify(body).includes(`${id}: as it was`))

const post = (id: string, agent?: string) =>
  postGoals(faults, [
    {
      id,
      text: `publish a tweet: ${id}: as it was written`,
      ...(agent === undefined ? {} : { agent_id: agent }),
    },
  ])

async function expectOneTweet(id: string): Promise<void> {
  const goal = await ended(faults.rig, id, 40_000)
  expect(tweetsOf(id)).toHaveLength(1)
  expect(goal).toMatchObject({ status: 'COMPLETED' })
  const happened = goal.effects.filter(({ state }) => state === 'CONFIRMED')
  expect(happened.map(({ provider_ref }) => provider_ref)).toEqual([tweetsOf(id)[0]?.id])
  expect(await budgets(faults, id)).toMatchObject({ reserved: '0' })
}

const LABELS = CRASH_POINTS.filter((label) => label.startsWith('worker.'))
/** Those after which the task is tried again, so that the words do change. */
const TRIED_AGAIN: readonly CrashPoint[] = ['worker.task.claimed', 'worker.task.executed']

guarantee(
  {
    id: 'reworded',
    title: 'a worker that dies and then says it otherwise posts once',
    n: sampleSize({ ci: 3, full: LABELS.length }),
    seed: 3,
    timeoutMs: 200_000,
  },
  async ({ n, random }) => {
    const others = LABELS.filter((label) => !TRIED_AGAIN.includes(label))
    for (const label of [...TRIED_AGAIN, ...random.shuffle(others)].slice(0, n)) {
      const id = label.replaceAll('.', '-')
      await using worker = await startWorker(`reworder-${id}`, label)
      await post(id)
      await expectOneTweet(id).catch((cause: unknown) => {
        throw new Error(`${label}: ${String(cause)}\n${worker.log()}`, { cause })
      })
      await eventually(
        () => faults.rig.crashes().find((crash) => crash.label === label),
        10_000,
        `${label} is reached`,
      )
      if (!TRIED_AGAIN.includes(label)) continue
      const text = JSON.stringify(tweetsOf(id)[0]?.body)
      expect(text).not.toContain('written')
      expect((await faults.rig.goal(id)).tasks[0]?.attempt).toBe(2)
    }
  },
)

describe('proposed again while its first round is out', () => {
  let worker: StandIn
  beforeAll(async () => {
    worker = await startWorker('reworder')
  })
  afterAll(() => worker[Symbol.asyncDispose]())

  for (const fault of ['hang', 'cut', '5xx', 'reset_before'] as const) {
    guarantee(
      {
        id: `reworded-${fault}`,
        title: `with other words after X's ${fault}: one tweet`,
        n: 1,
        seed: 0,
        timeoutMs: 60_000,
      },
      () => expectOneTweetOfTwoWordings(`again-${fault}`, fault),
    )
  }

  control(
    {
      guard: 'the slot as identity (key from the arguments instead)',
      test: 'reworded-hang',
      expect: /to have a length of 1 but got 2/,
      timeoutMs: 90_000,
    },
    async () => {
      await silence(faults.rig, 'judge')
      await using others = new AsyncDisposableStack()
      others.defer(() => faults.rig.signal('judge', 'SIGCONT'))
      const main = join(import.meta.dirname, 'environment', 'judge-composed.ts')
      const args = ['without=slot']
      const judge = {
        role: 'judge',
        name: 'judge-by-words',
        main,
        args,
        leaseMs: LEASE_MS,
      } as const
      others.use(await startStandIn(faults.rig, judge))
      const composed = ['without=slot-key']
      const { agent } = others.use(await openComposedAccount(faults, { composed }))
      // Below X's bound: the first must not be found before the other words are judged.
      await faults.rig.misbehave({ timeline_delay_ms: 2_000 })
      await expectOneTweetOfTwoWordings('by-words', 'hang', agent)
    },
  )

  async function expectOneTweetOfTwoWordings(
    id: string,
    fault: SimulatedControl['fault'],
    agent?: string,
  ): Promise<void> {
    await faults.rig.misbehave({ fault, match: id })
    await post(id, agent)
    const isOut = async () => {
      const [effect] = (await faults.rig.goal(id)).effects
      return effect?.state === 'UNKNOWN' ? true : undefined
    }
    await eventually(isOut, 20_000, 'the effect is unknown')
    expect(await forceAgain(faults, id)).toBe(true)
    const isSaid = async () => {
      const { attempts } = (await faults.rig.goal(id)).tasks[0] ?? { attempts: [] }
      return attempts.length === 2 ? true : undefined
    }
    await eventually(isSaid, 20_000, 'the other words are proposed').catch((cause: unknown) => {
      throw new Error(`${String(cause)}\n${worker.log()}`, { cause })
    })
    await expectOneTweet(id)
  }
})
