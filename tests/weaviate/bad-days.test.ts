/**
 * A stack whose Weaviate is slow, away, stopped, killed, or out of disk while people ask for
 * things: tasks go on with the persona and the last hour in every prompt, `status` says so and
 * stops saying so, and every memory is written in the end, once.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { openDatabase, type Database } from '@chimera/infra/database/open-database'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'

import { ended, logs, openStackRig, type StackRig } from '../e2e/stack-rig.ts'
import { fillUp, findMountFault, mountSmallDisk } from '../faults/environment/small-disk.ts'
import { onMachine } from '../faults/environment/where.ts'
import { control, guarantee, sampleSize } from '../guarantee.ts'
import { eventually } from '../integration/stack-rig.ts'
import type { Step } from '../models/chat.ts'
import { type ModelProcess, startModel } from '../models/model-process.ts'
import { openOwnWeaviate, type OwnWeaviate, whyNoOwnWeaviate } from './own-weaviate.ts'
import { type Manner, openUnrulyWay, type UnrulyWay } from './unruly-way.ts'

const HOUR = 'What you were asked in the last hour'
const MEMORY = 'What you remember'
const PERSONA = 'Chimera speaks for the people who run it.'
/** Idle, such a goal takes three seconds; at a load of 40 it was seen to take 45. */
const GOAL_WITHIN_MS = 120_000
const TOLD_WITHIN_MS = 90_000
/** A slow answer takes longer than anybody waits for one. */
const DELAY_MS = 3_000
const TIMEOUT_MS = 2_000
const noDisk = findMountFault()

const opened = new AsyncDisposableStack()
let weaviate: OwnWeaviate
let ways: readonly UnrulyWay[]
let direct: MemoryStore
let model: ModelProcess
let rig: StackRig
let record: Database
let without: string | undefined

beforeAll(async () => {
  without = await whyNoOwnWeaviate()
  if (without !== undefined) return
  const folder = mkdtempSync(join(tmpdir(), 'bad-days-'))
  opened.defer(() => rmSync(folder, { recursive: true }))
  const prepare = (data: string) => mountSmallDisk(data, { megabytes: 160, mode: 0o700 })
  weaviate = opened.use(await openOwnWeaviate(noDisk === undefined ? { prepare } : {}))
  const { url, grpcUrl, apiKey } = weaviate
  const address = { url, grpcUrl, apiKey, timeoutMs: 10_000 }
  direct = opened.use(openWeaviateMemory({ ...address, embedder: lexicalEmbedder }))
  const http = opened.use(await openUnrulyWay(url))
  const grpc = opened.use(await openUnrulyWay(grpcUrl))
  ways = [http, grpc]
  model = opened.use(
    await startModel({ mind: 'scripted', recordPath: join(folder, 'calls.jsonl') }),
  )
  const env = {
    LLM_BASE_URL: model.url,
    LLM_MODEL: 'scripted',
    WEAVIATE_URL: http.url,
    WEAVIATE_GRPC_URL: grpc.url,
    WEAVIATE_API_KEY: apiKey,
    MEMORY_TIMEOUT_MS: String(TIMEOUT_MS),
  }
  rig = opened.use(await openStackRig({ env }))
  const { urls } = await rig.report()
  const log = openLog({ name: 'bad-days', level: 'silent' })
  record = opened.use(openDatabase({ url: urls.postgres, name: 'test', log, max: 2 }))
}, 240_000)
beforeEach(({ skip }) => {
  if (without !== undefined) skip(without)
})
afterAll(async () => opened.disposeAsync(), 120_000)

/** What the model says: to the Planner, to the Worker, and to the Judge. */
const sayings = (instruction: string, topic: string): Step[] =>
  [
    { tasks: [{ name: 't1', kind: 'agent.write', quotes: { instruction }, after: [] }] },
    {
      reads: [],
      effects: [{ slot: 'publish', tool: 'post_tweet', args: { text: `Today: ${topic}.` } }],
      answer: 'Said.',
      confidence: 1,
    },
    { says: 'approve', quality: 1, faults: [], reason: 'As it was asked for.' },
  ].map((answer) => ({ text: JSON.stringify(answer) }))

/** Asks for a tweet and waits until it is out; answers the prompts of the plan and of the work. */
async function tweet(topic: string): Promise<string[]> {
  const before = model.calls().length
  const id = `g-${newId()}`
  const text = `Write a tweet about ${topic}`
  await model.tell({ say: sayings(text, topic) })
  await rig.xadd('id', id, 'text', text)
  const goal = await ended(rig, id, GOAL_WITHIN_MS)
  expect(goal.status, JSON.stringify(goal)).toBe('COMPLETED')
  const calls = model.calls().slice(before)
  expect(calls, 'a plan, a turn of work, and an opinion').toHaveLength(3)
  return calls.slice(0, 2).map(({ body }) => JSON.stringify(body))
}

const degraded = async (): Promise<boolean> => (await rig.status()).memory.degraded

/** The Keeper has brought everything; what it was told to try later it tries now. */
const allKept = (): Promise<void> =>
  eventually(async () => {
    await record.query({ text: 'UPDATE memory_outbox SET run_at = now()' })
    expect(await countPosted(record)).toEqual({ waiting: 0, isRefused: false })
  }, TOLD_WITHIN_MS)

type Day = Readonly<{
  what: string
  begin: () => Disposable
  /** It still answers what it knows. */
  recalls?: boolean
}>

const through = (manner: Manner): Disposable => {
  for (const way of ways) way.become(manner)
  return {
    [Symbol.dispose]: () => {
      for (const way of ways) way.become({ is: 'open' })
    },
  }
}
const AWAY: Day = { what: 'away', begin: () => through({ is: 'closed' }) }
const DAYS: readonly Day[] = [
  { what: 'slow', begin: () => through({ is: 'slow', delayMs: DELAY_MS }) },
  AWAY,
  {
    what: 'stopped',
    begin: () => {
      const victim = weaviate.pid()
      process.kill(victim, 'SIGSTOP')
      return { [Symbol.dispose]: () => void process.kill(victim, 'SIGCONT') }
    },
  },
  {
    what: 'killed',
    begin: () => {
      process.kill(weaviate.pid(), 'SIGKILL')
      // Its own watchman starts it anew within seconds: nobody finds the way to it until later.
      return through({ is: 'closed' })
    },
  },
]
const FULL_DISK: Day = {
  what: 'out of disk',
  recalls: true,
  begin: () => fillUp(weaviate.folder),
}

type Steps = Readonly<{
  /** Before each goal, and when `status` has told of the day. */
  ask: () => Promise<void>
  wait: () => Promise<void>
}>
const STEPS: Steps = { ask: async () => {}, wait: async () => {} }

async function liveThrough(days: readonly Day[], steps: Partial<Steps> = {}): Promise<void> {
  const { ask, wait } = { ...STEPS, ...steps }
  const word = `tapir${newId().slice(-8)}`
  const topics: string[] = []
  const next = async (): Promise<string[]> => {
    const topic = `the ${word} ${topics.length}`
    topics.push(topic)
    await ask()
    return tweet(topic)
  }
  await next()
  await allKept()
  for (const day of days) {
    using fault = new DisposableStack()
    fault.use(day.begin())
    for (const prompt of await next()) {
      expect(prompt, `${day.what}: the persona`).toContain(PERSONA)
      expect(prompt, `${day.what}: the last hour`).toContain(HOUR)
      if (day.recalls !== true) expect(prompt, `${day.what}: memory`).not.toContain(MEMORY)
    }
    await eventually(
      async () => expect(await degraded(), `${day.what}: status`).toBe(true),
      TOLD_WITHIN_MS,
    )
    expect((await countPosted(record)).waiting, day.what).toBeGreaterThan(0)
    await wait()
    fault.dispose()
    await allKept()
    await eventually(
      async () => expect(await degraded(), `after ${day.what}`).toBe(false),
      TOLD_WITHIN_MS,
    )
  }
  // Whoever was left without an answer leaves the memory alone for ten seconds.
  await eventually(async () => expect((await next()).join()).toContain(MEMORY), TOLD_WITHIN_MS)
  await allKept()
  const page = { tenantId: DEFAULT_TENANT, agentId: 'default', limit: 1_000 }
  const about = (await direct.list(page)).filter(({ content }) => content.includes(word))
  const said = about.map(({ content }) => content.split('\n', 1)[0] ?? '')
  expect(said.toSorted(), logs(rig.stateDir)).toEqual(
    topics.map((topic) => `Today: ${topic}.`).toSorted(),
  )
}

const rounds = sampleSize({ ci: 1, full: 5 })
const MINUTES_MS = 60_000
guarantee(
  {
    id: 'weaviate-bad-days',
    title: 'slow, away, stopped or killed: tasks go on, it shows, and every memory comes later',
    n: rounds * DAYS.length,
    seed: 4,
    timeoutMs: rounds * DAYS.length * 3 * MINUTES_MS,
  },
  () => liveThrough(Array.from({ length: rounds }).flatMap(() => DAYS)),
)

const onDisk = onMachine(noDisk)
onDisk.guarantee(
  {
    id: 'weaviate-disk-full',
    title: 'the disk of Weaviate is full: tasks go on, and every memory comes later',
    n: rounds,
    seed: 5,
    timeoutMs: rounds * 3 * MINUTES_MS,
  },
  () => liveThrough(Array.from({ length: rounds }, () => FULL_DISK)),
)

control(
  {
    guard: 'the last hour in the record',
    test: 'weaviate-bad-days',
    expect: /the last hour: expected/,
    timeoutMs: 5 * MINUTES_MS,
  },
  () =>
    liveThrough([AWAY], {
      ask: async () =>
        void (await record.query({
          text: `UPDATE goals SET received_at = received_at - interval '2 hours'`,
        })),
    }),
)

control(
  {
    guard: 'the row that stays',
    test: 'weaviate-bad-days',
    expect: /to deeply equal/,
    timeoutMs: 5 * MINUTES_MS,
  },
  () =>
    liveThrough([AWAY], {
      wait: async () => void (await record.query({ text: 'DELETE FROM memory_outbox' })),
    }),
)
