import { CRASH_POINTS, type CrashPoint } from '@chimera/contracts/crash-points'
import { WORK_STREAMS } from '@chimera/contracts/streams'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'

import { ended, eventually, logs, openStackRig, type StackRig } from '../e2e/stack-rig.ts'
import { silence, startStandIn, type Role } from '../e2e/stand-in.ts'
import { guarantee, sampleSize } from '../guarantee.ts'

const LEASE_MS = 2_000
const SHORT = { LEASE_MS: String(LEASE_MS), TWEET_ABSENCE_MS: '1500' }

/** What has to happen beside one tweet for the Keeper's own points to be reached. */
const KEEPER_SWEEP: CrashPoint = 'keeper.sweep.before_publish'

const idOf = (label: CrashPoint): string => label.replaceAll('.', '-')
/** In words that no gate wants a person for: a verdict is a matter of the law. */
const goalOf = (label: CrashPoint) => ({
  id: idOf(label),
  text: `publish a tweet: through point ${CRASH_POINTS.indexOf(label)}.`,
})

/**
 * One goal goes through the whole path while the process that reaches `label` kills itself there;
 * X's own duplicate check is off, so that a second post would show.
 */
async function expectOneTweet(rig: StackRig, label: CrashPoint, since: Date): Promise<void> {
  await post(rig, label)
  try {
    const goal = await ended(rig, idOf(label), 40_000)
    const isReached = () =>
      rig.crashes().find((crash) => crash.label === label && new Date(crash.at) >= since)
    await eventually(isReached, 10_000, `${label} is reached`)
    const words = goalOf(label).text.replace('publish a tweet: ', '')
    const tweets = rig.tweets().filter(({ body }) => JSON.stringify(body).includes(words))
    expect(tweets).toHaveLength(1)
    expect(goal).toMatchObject({ status: 'COMPLETED' })
    expect(goal.effects.at(-1)).toMatchObject({
      state: 'CONFIRMED',
      provider_ref: tweets[0]?.id,
    })
  } catch (error) {
    throw new Error(`${label}: ${String(error)}\n${logs(rig.stateDir)}`, { cause: error })
  }
}

async function post(rig: StackRig, label: CrashPoint): Promise<void> {
  const body = goalOf(label)
  if (label !== KEEPER_SWEEP) {
    await rig.xadd('goal', JSON.stringify(body))
    return
  }
  // A goal whose doorbell is lost before anybody hears it: only the sweep can find it.
  await rig.signal('planner', 'SIGSTOP')
  await rig.api('/v1/goals', { method: 'POST', body })
  await (await rig.redis()).flushall()
  await rig.signal('planner', 'SIGCONT')
}

/** A stack in which whoever reaches the label dies there, and is started by its supervisor. */
async function inStackOfItsOwn(label: CrashPoint): Promise<void> {
  const since = new Date()
  await using rig = await openStackRig({ env: { ...SHORT, CHIMERA_CRASH_AT: label } })
  await rig.misbehave({ duplicate_check: false })
  await expectOneTweet(rig, label, since)
}

/** One stack for all labels of a role, whose own process sleeps: another stands in and dies. */
function openRoleStack(role: Role): AsyncDisposable & {
  attempt: (label: CrashPoint) => Promise<void>
} {
  const stack = new AsyncDisposableStack()
  const open = async (): Promise<{ rig: StackRig; redis: RedisConnection }> => {
    const rig = stack.use(await openStackRig({ env: SHORT }))
    await rig.misbehave({ duplicate_check: false })
    await silence(rig, role)
    stack.defer(() => rig.signal(role, 'SIGCONT'))
    const log = openLog({ name: 'test', level: 'silent' })
    const { urls } = await rig.report()
    return { rig, redis: stack.use(await openRedis({ url: urls.redis, name: 'test', log })) }
  }
  let opened: ReturnType<typeof open> | undefined
  return {
    attempt: async (label) => {
      const { rig, redis } = await (opened ??= open())
      const name = `${role}-1`
      await using standIn = await startStandIn(rig, {
        role,
        name,
        leaseMs: LEASE_MS,
        crashAt: label,
      })
      await expectOneTweet(rig, label, new Date())
      await eventually(() => standIn.starts() === 2 || undefined, 5_000, `${name} is back`)
      await eventually(() => isDrained(redis), 20_000, `nothing of ${label} is left`)
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** What one label left behind would be what kills the next stand-in, before its goal is there. */
async function isDrained(redis: RedisConnection): Promise<true | undefined> {
  const streams = await inspectStreams({ redis, streams: WORK_STREAMS })
  return streams.every(({ lag, pending }) => lag === 0 && pending === 0) || undefined
}

/** Tries labels one after the other; each can be waited for. */
function inTurn(
  labels: readonly CrashPoint[],
  attempt: (label: CrashPoint) => Promise<void>,
): [CrashPoint, Promise<void>][] {
  let before: Promise<unknown> = Promise.resolve()
  return labels.map((label) => {
    const outcome = before.then(() => attempt(label))
    before = outcome.catch(() => undefined)
    return [label, outcome]
  })
}

const ROLES: readonly Role[] = ['planner', 'worker', 'judge']
const roleOf = (label: CrashPoint) => ROLES.find((role) => label.startsWith(`${role}.`))
/** A stack takes as much to start as three goals take to be done. */
const isEachAlone = sampleSize({ ci: 0, full: 1 }) === 1

const stacks = new AsyncDisposableStack()
let outcomes = new Map<CrashPoint, Promise<void>>()

beforeAll(() => {
  const alone = CRASH_POINTS.filter((label) => isEachAlone || roleOf(label) === undefined)
  const others = CRASH_POINTS.filter((label) => !alone.includes(label))
  const halves = [0, 1].map((half) => alone.filter((_, n) => n % 2 === half))
  outcomes = new Map([
    ...halves.flatMap((half) => inTurn(half, inStackOfItsOwn)),
    ...ROLES.flatMap((role) => {
      const { attempt } = stacks.use(openRoleStack(role))
      return inTurn(
        others.filter((label) => roleOf(label) === role),
        attempt,
      )
    }),
  ])
})
afterAll(async () => {
  await Promise.allSettled(outcomes.values())
  await stacks.disposeAsync()
}, 60_000)

for (const label of CRASH_POINTS) {
  guarantee(
    {
      id: `crash:${label}`,
      title: `${label} leaves one tweet`,
      n: 1,
      seed: 0,
      timeoutMs: sampleSize({ ci: 240_000, full: 900_000 }),
    },
    () => outcomes.get(label),
  )
}
