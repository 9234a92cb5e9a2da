import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { openConsumer } from '@chimera/infra/streams/consumer'
import { openConsumerGroup } from '@chimera/infra/streams/consuming/consumer-group'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import {
  disconnect,
  openBlocking,
  openRedis,
  type RedisConnection,
} from '@chimera/infra/streams/open-redis'
import { openPublisher } from '@chimera/infra/streams/publisher'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, expect } from 'vitest'
import { z } from 'zod'

import { control, guarantee } from '../guarantee.ts'
import { ownRedisUrl } from '../own-redis.ts'

const url = ownRedisUrl()
const log = openLog({ name: 'test', level: 'silent' })
const STREAM = 'chimera:results'
const POISON = 321

let redis: RedisConnection
let folder: string
beforeAll(async () => {
  redis = await openRedis({ url, name: 'test', log })
  folder = mkdtempSync(join(tmpdir(), 'chimera-poison-'))
})
afterAll(async () => {
  await redis[Symbol.asyncDispose]()
  rmSync(folder, { recursive: true })
})

const publishBatch = async (n: number): Promise<number[]> => {
  await redis.client.flushall()
  const numbers = Array.from({ length: n }, (_, at) => at)
  const publisher = openPublisher({ redis, source: 'test' })
  await publisher.publish(numbers.map((payload) => ({ stream: STREAM, payload })))
  return numbers.filter((number) => number !== POISON)
}

const nothingIsOpen = async (timeoutMs: number): Promise<void> => {
  await expect
    .poll(async () => (await inspectStreams({ redis, streams: [STREAM] }))[0], {
      timeout: timeoutMs,
      interval: 20,
    })
    .toMatchObject({ pending: 0, lag: 0 })
}

type Kept = { handled: number[]; letters: number }
type Compose = (kept: Kept) => { close: () => Promise<void> }

const refusePoison = (numbers: readonly number[]): void => {
  if (numbers.includes(POISON)) throw new Error('This one cannot be stored.')
}

const composeConsumer: Compose = (kept) =>
  openConsumer({
    url,
    name: 'test',
    streams: [STREAM],
    consumerName: 'judge-1',
    log,
    leaseMs: 15_000,
    parse: ({ payload }) => z.int().parse(payload),
    handle: async (batch) => {
      const numbers = batch.map(({ value }) => value)
      refusePoison(numbers)
      kept.handled.push(...numbers)
    },
    onDead: async (letters) => {
      kept.letters += letters.length
    },
  })

/** The batch is one fate: no halves. */
const composeWithoutHalving: Compose = (kept) => {
  const client = openBlocking({ url, name: 'test', log })
  const group = openConsumerGroup({ client, streams: [STREAM], consumerName: 'judge-1' })
  const running = (async () => {
    const batch = await group.read(500, 1_000)
    try {
      const numbers = batch.map(({ raw }) => Number(raw.fields.at(-1)))
      refusePoison(numbers)
      kept.handled.push(...numbers)
    } catch {
      kept.letters += batch.length
    }
    await group.acknowledge(new Map([[STREAM, batch.map(({ raw }) => raw.id)]]), [])
  })()
  return {
    close: async () => {
      await running
      await disconnect(client)
    },
  }
}

const expectOnlyPoisonIsDead = async (options: { n: number; compose: Compose }): Promise<void> => {
  const good = await publishBatch(options.n)
  const kept: Kept = { handled: [], letters: 0 }
  const consumer = options.compose(kept)
  try {
    await nothingIsOpen(20_000)
  } finally {
    await consumer.close()
  }
  expect(kept.letters, 'dead letters').toBe(1)
  expect(kept.handled.toSorted((a, b) => a - b)).toEqual(good)
}

guarantee(
  { id: 'poison-in-batch', title: 'one poisonous entry costs itself alone', n: 500, seed: 0 },
  ({ n }) => expectOnlyPoisonIsDead({ n, compose: composeConsumer }),
)

control(
  {
    guard: 'the halving of a failed batch',
    test: 'poison-in-batch',
    expect: /dead letters: expected 500 to be 1/,
  },
  () => expectOnlyPoisonIsDead({ n: 500, compose: composeWithoutHalving }),
)

/** The handler of a process of its own: keeps what it did in a file, and dies of the poison. */
const HANDLER = `
  import { appendFileSync } from 'node:fs'
  import { openConsumer } from '@chimera/infra/streams/consumer'
  import { openConsumerGroup } from '@chimera/infra/streams/consuming/consumer-group'
  import { openBlocking } from '@chimera/infra/streams/open-redis'
  import { openLog } from '@chimera/runtime/log'
  const [url, file] = process.argv.slice(-2)
  const log = openLog({ name: 'child', level: 'silent' })
  const keep = (line) => appendFileSync(file, JSON.stringify(line) + '\\n')
  const handle = (numbers) => {
    if (numbers.includes(${POISON})) process.kill(process.pid, 'SIGKILL')
    keep({ handled: numbers })
  }
`

const CONSUMER = `${HANDLER}
  openConsumer({
    url, name: 'child', streams: ['${STREAM}'], consumerName: 'judge-1', log, leaseMs: 15_000,
    parse: ({ payload }) => payload,
    handle: async (batch) => handle(batch.map(({ value }) => value)),
    onDead: async (letters) => keep({ letters: letters.map(({ reason }) => reason) }),
  })
`

/** Reads its pending entries in one batch however often they were delivered. */
const CONSUMER_WITHOUT_COUNT = `${HANDLER}
  const client = openBlocking({ url, name: 'child', log })
  const group = openConsumerGroup({ client, streams: ['${STREAM}'], consumerName: 'judge-1' })
  const pending = await group.findPending('${STREAM}', undefined, 500)
  const own = await group.claim('${STREAM}', pending)
  const batch = [...own, ...(await group.read(500, 50))]
  handle(batch.map(({ raw }) => Number(raw.fields.at(-1))))
`

const Line = z.union([
  z.strictObject({ handled: z.array(z.int()) }),
  z.strictObject({ letters: z.array(z.string()) }),
])

/** Two deaths in batches, five alone, and one life that gives the entry up. */
const MAX_LIVES = 10

const expectDeadlyPoisonIsDead = async (options: { n: number; script: string }): Promise<void> => {
  const good = await publishBatch(options.n)
  const file = join(folder, 'kept.jsonl')
  writeFileSync(file, '')
  const read = (): z.infer<typeof Line>[] =>
    readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Line.parse(JSON.parse(line)))
  const lettersOf = (): string[] =>
    read().flatMap((line) => ('letters' in line ? line.letters : []))
  for (let life = 1; life <= MAX_LIVES && lettersOf().length === 0; life += 1) {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '--eval', options.script, '--', url, file],
      { cwd: join(import.meta.dirname, '../..'), env: {}, stdio: ['ignore', 'ignore', 'inherit'] },
    )
    const died = once(child, 'exit')
    const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
    await expect.poll(() => isOver() || lettersOf().length > 0, { timeout: 20_000 }).toBe(true)
    if (lettersOf().length > 0) await nothingIsOpen(5_000)
    child.kill('SIGKILL')
    await died
  }
  expect(lettersOf().length, `dead letters after ${MAX_LIVES} lives`).toBe(1)
  const handled = new Set(read().flatMap((line) => ('handled' in line ? line.handled : [])))
  expect([...handled].toSorted((a, b) => a - b)).toEqual(good)
  expect(lettersOf()[0]).toContain('the process died')
}

guarantee(
  {
    id: 'poison-that-kills',
    title: 'an entry that kills its process is given up after a bounded number of lives',
    n: 500,
    seed: 0,
  },
  ({ n }) => expectDeadlyPoisonIsDead({ n, script: CONSUMER }),
)

control(
  {
    guard: 'the count of deliveries',
    test: 'poison-that-kills',
    expect: /dead letters after 10 lives: expected \+?0 to be 1/,
  },
  () => expectDeadlyPoisonIsDead({ n: 500, script: CONSUMER_WITHOUT_COUNT }),
)
