import { readFileSync } from 'node:fs'

import { newId } from '@chimera/contracts/ids'
import { ResultRing } from '@chimera/contracts/judging/rings'
import { MAX_GRANTED } from '@chimera/domain/judging/attempt'
import { openJudgeWords } from '@chimera/infra/signing/judge-words'
import { openReceiptKeys } from '@chimera/infra/signing/receipt-keys'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { openRedis } from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { handleRings } from '@chimera/judge/handle-rings'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { ended, eventually } from '../e2e/stack-rig.ts'
import { silence } from '../e2e/stand-in.ts'
import { control, guarantee } from '../guarantee.ts'
import {
  allCompleted,
  completions,
  drained,
  type FaultRig,
  letterOf,
  lives,
  openFaultRig,
  postGoals,
  xadd,
} from './fault-rig.ts'
import { openNaiveConsumer } from './naive-consumer.ts'

let faults: FaultRig
let before: Record<string, number>

beforeAll(async () => {
  faults = await openFaultRig()
  before = await lives(faults)
}, 120_000)
afterAll(() => faults[Symbol.asyncDispose]())

/** One entry between as many good ones as make a batch of `n`, added in one step of Redis. */
async function addBatch(prefix: string, n: number, poison: readonly string[]): Promise<string> {
  const redis = await faults.rig.redis()
  const multi = redis.multi()
  for (let at = 0; at < n; at += 1) {
    const good = ['id', `${prefix}${at}`, 'text', `generic: ${at}`]
    multi.call('XADD', 'chimera:goals', '*', ...(at === n / 2 ? poison : good))
  }
  const results = (await multi.exec()) ?? []
  return String(results[n / 2]?.[1])
}

guarantee(
  {
    id: 'poison-goals',
    title: 'one poisonous goal in a batch of 500: a dead letter, and 499 verdicts',
    n: 500,
    seed: 0,
  },
  async ({ n }) => {
    const id = await addBatch('batch-', n, ['goal', '{"id":"batch-poison","text":7}'])
    await allCompleted(faults, { prefix: 'batch-', n: n - 1, withinMs: 60_000 })
    expect(await completions(faults, 'batch-')).toEqual({ '1': n - 1 })
    expect(await letterOf(faults, id)).toMatchObject({
      stream: 'chimera:goals',
      code: 'ENTRY_MALFORMED',
      reason: expect.stringContaining('text'),
    })
  },
)

// What reads well and cannot be carried out takes another way: it fails alone, and says why.
test.each([
  ['is not understood', { text: 'make me rich' }, 'GOAL_NOT_UNDERSTOOD'],
  ['asks for more tasks than there may be', { text: 'noop 100001' }, 'GOAL_NOT_UNDERSTOOD'],
  ['has parameters of another kind', { kind: 'noop', params: { n: 'x' } }, 'INPUT_INVALID'],
])('a goal in a batch that %s fails alone', async (what, goal, code) => {
  const prefix = `${what.replaceAll(/\W/g, '-')}-`
  await addBatch(prefix, 50, ['goal', JSON.stringify({ id: `odd-${prefix}`, ...goal })])
  await allCompleted(faults, { prefix, n: 49, withinMs: 20_000 })
  const odd = await eventually(
    async () => {
      const view = await faults.rig.goal(`odd-${prefix}`)
      return view.status === 'FAILED' ? view : undefined
    },
    10_000,
    'the odd goal fails',
  )
  expect(odd.failure?.code).toBe(code)
})

guarantee(
  {
    id: 'poison-tasks',
    title: 'one poisonous entry among 499 tasks kills nothing but itself',
    n: 500,
    seed: 0,
  },
  async ({ n }) => {
    const { rig } = faults
    const stream = 'chimera:tasks:RESEARCH'
    await rig.signal('worker', 'SIGSTOP')
    let ids: string[] = []
    try {
      await postAndQueue('task-a', n / 2)
      const unknown = {
        task_id: newId(),
        parent_goal_id: 'task-a',
        type: 'RESEARCH',
        payload: { kind: 'noop', index: 0 },
        constraints: {},
        status: 'PENDING',
      }
      ids = [
        await xadd(faults, stream, 'task', '{"task_id":'),
        await xadd(faults, stream, 'task', JSON.stringify(unknown)),
      ]
      await postAndQueue('task-b', n / 2 - 1)
    } finally {
      await rig.signal('worker', 'SIGCONT')
    }
    await allCompleted(faults, { prefix: 'task-', n: 2, withinMs: 30_000 })
    expect(await completions(faults, 'task-')).toEqual({ '1': n - 1 })
    const codes = await Promise.all(ids.map(async (id) => (await letterOf(faults, id)).code))
    expect(codes).toEqual(['ENTRY_MALFORMED', 'TASK_NOT_FOUND'])
  },
)

/** `asleep` does its work while nobody judges; then whoever judges finds all of it at once. */
async function expectPoisonousResultAlone(of: {
  prefix: string
  n: number
  withinMs: number
  asleep: (work: () => Promise<void>) => Promise<void>
}): Promise<void> {
  const { prefix, n } = of
  let id = ''
  await of.asleep(async () => {
    await postAndQueue(`${prefix}a`, n / 2)
    await inReview(`${prefix}a`, n / 2)
    id = await xadd(faults, 'chimera:results', 'result', '{"look_at":"task","id":"everything"}')
    await postAndQueue(`${prefix}b`, n / 2 - 1)
    await inReview(`${prefix}b`, n / 2 - 1)
  })
  await allCompleted(faults, { prefix, n: 2, withinMs: of.withinMs })
  expect(await completions(faults, prefix)).toEqual({ '1': n - 1 })
  expect(await letterOf(faults, id)).toMatchObject({ code: 'ENTRY_MALFORMED' })
}

guarantee(
  {
    id: 'poison-results',
    title: 'one poisonous entry among 499 results kills nothing but itself',
    n: 500,
    seed: 0,
  },
  ({ n }) =>
    expectPoisonousResultAlone({
      prefix: 'result-',
      n,
      withinMs: 30_000,
      asleep: async (work) => {
        await faults.rig.signal('judge', 'SIGSTOP')
        try {
          await work()
        } finally {
          await faults.rig.signal('judge', 'SIGCONT')
        }
      },
    }),
)

control(
  {
    guard: 'the verdict on each entry by itself',
    test: 'poison-results',
    expect: /not within 5000 ms: 2 goals naive-/,
  },
  async () => {
    await silence(faults.rig, 'judge')
    await using stack = new AsyncDisposableStack()
    stack.defer(() => faults.rig.signal('judge', 'SIGCONT'))
    {
      // What comes without poison it judges as the product does.
      await using others = new AsyncDisposableStack()
      others.use(await openNaiveJudge())
      await postGoals(faults, [{ id: 'able', text: 'noop 2' }])
      await ended(faults.rig, 'able')
    }
    await expectPoisonousResultAlone({
      prefix: 'naive-',
      n: 20,
      withinMs: 5_000,
      asleep: async (work) => {
        await work()
        stack.use(await openNaiveJudge())
      },
    })
  },
)

async function openNaiveJudge(): Promise<AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const { rig, record } = faults
  const { urls } = await rig.report()
  const { keyFiles } = stateDirPaths(rig.stateDir)
  const log = openLog({ name: 'test', level: 'silent' })
  const redis = stack.use(await openRedis({ url: urls.redis, name: 'test', log }))
  const deps = {
    database: record,
    publisher: openPublisher({ redis, source: 'judge' }),
    words: await openJudgeWords(readFileSync(keyFiles.grantPrivate, 'utf8')),
    receiptKeys: openReceiptKeys(keyFiles.receiptJwks),
    log,
    actor: 'naive-judge',
    maxGranted: MAX_GRANTED,
    // Tests say the same words again and again.
    repeatDays: 0,
    crash: Object.assign(() => undefined, { isArmed: false }),
  }
  stack.use(
    openNaiveConsumer({
      url: urls.redis,
      stream: 'chimera:results',
      consumerName: 'naive-judge',
      parse: ({ payload }) => ResultRing.parse(payload),
      handle: (batch) =>
        handleRings(
          deps,
          batch.map(({ value }) => value),
        ),
    }),
  )
  const open = stack.move()
  return { [Symbol.asyncDispose]: () => open.disposeAsync() }
}

guarantee(
  {
    id: 'poison-grants',
    title: 'poisonous grants between good ones kill nothing but themselves',
    n: 20,
    seed: 0,
  },
  async ({ n }) => {
    const goals = Array.from({ length: n }, (_, at) => ({
      id: `grant-${at}`,
      text: `publish a tweet: rehearsal ${at}`,
      mode: 'dry',
    }))
    const posted = postGoals(faults, goals)
    const ids: string[] = []
    for (let at = 0; at < n; at += 1) {
      ids.push(await xadd(faults, 'chimera:effects', 'grant', `{"grant_id":${at}}`))
    }
    await posted
    await allCompleted(faults, { prefix: 'grant-', n, withinMs: 30_000 })
    for (const id of ids) {
      expect(await letterOf(faults, id)).toMatchObject({ code: 'ENTRY_MALFORMED' })
    }
  },
)

test('and no process has ended of it', async () => {
  await drained(faults)
  expect(await lives(faults)).toEqual(before)
})

async function postAndQueue(id: string, tasks: number): Promise<void> {
  await postGoals(faults, [{ id, text: `noop ${tasks}` }])
  await inPhase(id, tasks, ['ready', 'running', 'judging'])
}

const inReview = (id: string, tasks: number) => inPhase(id, tasks, ['judging'])

async function inPhase(goalId: string, tasks: number, phases: string[]): Promise<void> {
  const check = async () => {
    const [row] = await faults.record.query<{ n: number }>({
      text: 'SELECT count(*)::int AS n FROM tasks WHERE goal_id = $1 AND phase = ANY ($2::text[])',
      values: [goalId, phases],
    })
    return row?.n === tasks ? true : undefined
  }
  await eventually(check, 20_000, `${tasks} tasks of ${goalId} are ${phases.join(' or ')}`)
}
