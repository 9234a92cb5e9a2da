import { entryFields } from '@chimera/contracts/envelope'
import { MAX_ENTRY_BYTES, type WorkStream } from '@chimera/contracts/streams'
import { compareEntryIds } from '@chimera/infra/streams/entry-id'
import { openFeedReader, type FeedItem, type FeedReader } from '@chimera/infra/streams/feed-reader'
import { inspectStreams } from '@chimera/infra/streams/inspect'
import { readMarker, setMarker } from '@chimera/infra/streams/marker'
import { openRedis, type RedisConnection } from '@chimera/infra/streams/open-redis'
import { openPublisher, type Publisher } from '@chimera/infra/streams/publisher'
import { listOf, recordOf } from '@chimera/infra/streams/replies'
import { trimStreams } from '@chimera/infra/streams/trim'
import { openLog } from '@chimera/runtime/log'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'

import { control, guarantee, seeded, type Random } from '../guarantee.ts'
import { ownRedisUrl } from '../own-redis.ts'

const url = ownRedisUrl()
const log = openLog({ name: 'test', level: 'silent' })
const STREAM = 'chimera:results'
const GROUP = 'judge'

let redis: RedisConnection
let publisher: Publisher
beforeAll(async () => {
  redis = await openRedis({ url, name: 'test', log })
  publisher = openPublisher({ redis, source: 'test' })
})
afterAll(() => redis[Symbol.asyncDispose]())
beforeEach(() => redis.client.flushall())

const publish = (count: number): Promise<void> =>
  publisher.publish(Array.from({ length: count }, (_, payload) => ({ stream: STREAM, payload })))

const read = async (count: number): Promise<void> => {
  await redis.client.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM').catch(() => undefined)
  const args = ['GROUP', GROUP, 'judge-1', 'COUNT', count, 'STREAMS', STREAM, '>'] as const
  await redis.client.xreadgroup(...args)
}

const idsOf = async (): Promise<string[]> =>
  (await redis.client.xrange(STREAM, '-', '+')).map(([id]) => id)

const stateNow = async () => (await inspectStreams({ redis, streams: [STREAM] }))[0]

test('what is published carries the envelope beside its payload', async () => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  await publisher.publish([{ stream: STREAM, payload: { a: 1 }, traceparent, causation: '7-0' }])
  const [[, fields] = []] = await redis.client.xrange(STREAM, '-', '+')
  expect(Object.fromEntries(pairsOf(fields ?? []))).toEqual({
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    source: 'test',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    traceparent,
    causation: '7-0',
    result: '{"a":1}',
  })
})

test('more than one round trip holds is sent, in order', async () => {
  await publish(1_234)
  const entries = await redis.client.xrange(STREAM, '-', '+')
  expect(entries.map(([, fields]) => Number(fields.at(-1)))).toEqual(
    Array.from({ length: 1_234 }, (_, n) => n),
  )
})

test('an entry that nobody would read is refused before anything is sent', async () => {
  const payload = 'x'.repeat(MAX_ENTRY_BYTES)
  await expect(
    publisher.publish([
      { stream: STREAM, payload: 1 },
      { stream: STREAM, payload },
    ]),
  ).rejects.toMatchObject({ code: 'ENTRY_TOO_LARGE' })
  expect(await redis.client.exists(STREAM)).toBe(0)
})

test('what Redis refuses is UNAVAILABLE and may be tried again', async () => {
  await redis.client.set(STREAM, 'of another type')
  await expect(publish(1)).rejects.toMatchObject({ code: 'UNAVAILABLE', kind: 'retryable' })
})

test('a Redis that is away fails the start with a sentence that says where to look', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const opening = Promise.allSettled([openRedis({ url: '/nowhere.sock', name: 'test', log })])
    await vi.advanceTimersByTimeAsync(10_000)
    const [outcome] = await opening
    expect(outcome).toMatchObject({
      status: 'rejected',
      reason: { code: 'UNAVAILABLE', message: expect.stringContaining('REDIS_URL') },
    })
  } finally {
    vi.useRealTimers()
  }
})

test('the marker is what Redis forgets', async () => {
  expect(await readMarker({ redis })).toBeNull()
  await setMarker({ redis, marker: 'life-1' })
  expect(await readMarker({ redis })).toBe('life-1')
  await redis.client.flushall()
  expect(await readMarker({ redis })).toBeNull()
})

test('a stream tells its lag, what is pending, and since when', async () => {
  await publish(10)
  await read(4)
  const [first] = await idsOf()
  expect(await stateNow()).toMatchObject({
    name: STREAM,
    group: GROUP,
    length: 10,
    lag: 6,
    pending: 4,
    oldestPending: first,
  })
})

test('a missing stream is empty; one without a group lags by all it holds', async () => {
  expect(await stateNow()).toMatchObject({ length: 0, lag: 0, pending: 0 })
  await publish(3)
  expect(await stateNow()).toMatchObject({ length: 3, lag: 3, pending: 0, oldestPending: null })
})

test('a lag that Redis does not know is null, never 0', async () => {
  await publish(10)
  await read(2)
  const ids = await idsOf()
  // An unread entry deleted in the middle: Redis cannot count any more.
  await redis.client.xdel(STREAM, String(ids[5]))
  expect((await stateNow())?.lag).toBeNull()
})

test('trimming takes off what is done and keeps the lag known', async () => {
  await publish(2_000)
  await read(1_500)
  const ids = await idsOf()
  await redis.client.xack(STREAM, GROUP, ...ids.slice(0, 1_500))
  const removed = await trimStreams({ redis, streams: [STREAM] })
  expect(removed.get(STREAM)).toBeGreaterThan(1_300)
  expect(await stateNow()).toMatchObject({ lag: 500, pending: 0 })
  expect((await idsOf()).slice(-500)).toEqual(ids.slice(-500))
})

test('streams that nobody has read yet are not trimmed', async () => {
  await publish(300)
  expect(await trimStreams({ redis })).toEqual(new Map())
  expect(await redis.client.xlen(STREAM)).toBe(300)
})

type Trim = (options: {
  redis: RedisConnection
  streams: readonly WorkStream[]
}) => Promise<unknown>

/** Any mixture of done, pending and unread entries, trimmed again and again. */
const expectNothingIsLost = async (options: { n: number; random: Random; trim: Trim }) => {
  const { random } = options
  const unread = async (): Promise<string[]> => {
    const [group] = recordsOf(await redis.client.xinfo('GROUPS', STREAM))
    const last = String(group?.get('last-delivered-id'))
    return (await idsOf()).filter((id) => compareEntryIds(id, last) > 0)
  }
  for (let round = 0; round < options.n; round += 1) {
    await redis.client.flushall()
    let published = 0
    const lost: string[] = []
    for (let turn = 0; turn < 8; turn += 1) {
      const more = random.integer(0, 400)
      await publish(more)
      published += more
      await read(random.integer(1, 300))
      const pending = await redis.client.xpending(STREAM, GROUP, '-', '+', 10_000)
      const ids = pending.flatMap((row) => (Array.isArray(row) ? [String(row[0])] : []))
      const done = random.shuffle(ids).slice(0, random.integer(0, ids.length))
      if (done.length > 0) await redis.client.xack(STREAM, GROUP, ...done)
      const open = [...ids.filter((id) => !done.includes(id)), ...(await unread())]
      await options.trim({ redis, streams: [STREAM] })
      const kept = new Set(await idsOf())
      lost.push(...open.filter((id) => !kept.has(id)))
    }
    expect(lost.length, `open entries lost of ${published}`).toBe(0)
  }
}

guarantee(
  { id: 'trim-keeps-open-work', title: 'trimming never takes unread or pending', n: 5, seed: 11 },
  ({ n, random }) => expectNothingIsLost({ n, random, trim: trimStreams }),
)

control(
  {
    guard: 'the floor at the oldest open entry (by length instead)',
    test: 'trim-keeps-open-work',
    expect: /open entries lost of \d+: expected \d+ to be \+?0/,
  },
  async () => {
    const trim: Trim = () => redis.client.xtrim(STREAM, 'MAXLEN', 100)
    await expectNothingIsLost({ n: 1, random: seeded(11), trim })
  },
)

const readers: FeedReader[] = []
afterEach(async () => {
  for (const reader of readers.splice(0)) await reader[Symbol.asyncDispose]()
})

const openReader = (): FeedReader => {
  const reader = openFeedReader({ url, name: 'test-feed', log, redis })
  readers.push(reader)
  return reader
}

const tell = async (...summaries: string[]): Promise<void> => {
  const at = new Date().toISOString()
  const tenant = '00000000-0000-7000-8000-000000000001'
  await publisher.publish(
    summaries.map((summary) => ({
      stream: 'chimera:feed',
      payload: { type: 'goal.received', tenant, summary, at },
    })),
  )
}

/** Listens in the background; `heard` grows. */
const listen = (reader: FeedReader, after?: string) => {
  const stop = new AbortController()
  const heard: FeedItem[] = []
  const ended = (async () => {
    for await (const item of reader.follow({ after, signal: stop.signal })) heard.push(item)
  })()
  const words = () => heard.map((item) => (item.kind === 'event' ? item.event.summary : 'RESET'))
  return { heard, words, stop: () => stop.abort(), ended }
}

const ready = async (reader: FeedReader): Promise<void> => {
  await vi.waitFor(() => reader.check())
  await new Promise((resolve) => setTimeout(resolve, 100))
}

test('a listener hears what happens from now on, as do others beside it', async () => {
  await tell('before')
  const reader = openReader()
  const listeners = [listen(reader), listen(reader)]
  await ready(reader)
  await tell('one', 'two')
  for (const { words } of listeners) await vi.waitFor(() => expect(words()).toEqual(['one', 'two']))
})

test('a listener that comes back misses nothing', async () => {
  await tell('one', 'two', 'three')
  const [first] = await redis.client.xrange('chimera:feed', '-', '+')
  // They were told at once and share an entry; it has heard one of them.
  const one = listen(openReader(), `${first?.[0]}.1`)
  await vi.waitFor(() => expect(one.words()).toEqual(['two', 'three']))
  await tell('four')
  await vi.waitFor(() => expect(one.words()).toEqual(['two', 'three', 'four']))
  const all = listen(openReader(), first?.[0])
  await vi.waitFor(() => expect(all.words()).toEqual(['four']))
})

test('one that was away for long catches up page by page', async () => {
  await tell('first')
  const [first] = await redis.client.xrange('chimera:feed', '-', '+')
  const many = Array.from({ length: 1_500 }, (_, n) => String(n))
  await tell(...many)
  const one = listen(openReader(), first?.[0])
  await vi.waitFor(() => expect(one.words()).toEqual(many), 5_000)
})

test.each([
  ['is no id', 'yesterday'],
  ['is no place', '1-1.x'],
  ['was trimmed away', '1-1'],
  ['was never given out', '99999999999999-0'],
])('an id that %s is answered with a reset, and then with what is new', async (_what, after) => {
  await tell('before')
  const reader = openReader()
  const one = listen(reader, after)
  await vi.waitFor(() => expect(one.words()).toEqual(['RESET']))
  await ready(reader)
  await tell('new')
  await vi.waitFor(() => expect(one.words()).toEqual(['RESET', 'new']))
})

test('what is no event is left out', async () => {
  const reader = openReader()
  const one = listen(reader)
  await ready(reader)
  await redis.client.xadd('chimera:feed', '*', 'event', 'not JSON')
  await redis.client.xadd(
    'chimera:feed',
    '*',
    ...entryFields({ source: 'x', time: '' }, 'event', 7),
  )
  await tell('good')
  await vi.waitFor(() => expect(one.words()).toEqual(['good']))
})

test('the feed goes on after FLUSHALL and after a cut connection', async () => {
  await tell('before')
  const reader = openReader()
  const one = listen(reader)
  await ready(reader)
  await redis.client.flushall()
  await tell('after the flush')
  await vi.waitFor(() => expect(one.words()).toEqual(['after the flush']))
  await redis.client.client('KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
  await tell('after the cut')
  await vi.waitFor(() => expect(one.words()).toEqual(['after the flush', 'after the cut']), 5_000)
})

test('a listener that leaves, and a reader that closes, end without an error', async () => {
  const reader = openReader()
  const [one, two] = [listen(reader), listen(reader)]
  await ready(reader)
  one.stop()
  await one.ended
  readers.length = 0
  await reader[Symbol.asyncDispose]()
  await two.ended
})

test('the feed is capped by its length', async () => {
  // Of one tenant each: events of one would share entries.
  const payload = { type: 'x', summary: 'x', at: new Date().toISOString() }
  await publisher.publish(
    Array.from({ length: 4_600 }, (_, n) => {
      const tenant = `00000000-0000-7000-8000-00000000000${n % 2}`
      return { stream: 'chimera:feed' as const, tenant, payload: { ...payload, tenant } }
    }),
  )
  expect(await redis.client.xlen('chimera:feed')).toBeLessThan(4_200)
})

const recordsOf = (reply: unknown) => listOf(reply).map(recordOf)

function* pairsOf(flat: readonly string[]): Generator<[string, string]> {
  for (let at = 0; at + 1 < flat.length; at += 2) yield [flat[at] ?? '', flat[at + 1] ?? '']
}
