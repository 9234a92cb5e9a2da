import { expect, test } from 'vitest'

import { type Read, readOwnId, readTimeline } from './read-timeline.ts'

const SINCE_MS = Date.UTC(2026, 10, 21, 12, 0, 0, 500)

function idAt(ms: number): string {
  return String((BigInt(ms) - 1_288_834_974_657n) << 22n)
}

const reading = (...bodies: unknown[]): Read & { paths: string[] } => {
  const paths: string[] = []
  const read: Read = async (path) => {
    paths.push(path)
    return { outcome: 'read', body: bodies[paths.length - 1] ?? bodies.at(-1) }
  }
  return Object.assign(read, { paths })
}

const page = (posts: object[], next_token?: string) => ({
  data: posts,
  meta: { result_count: posts.length, next_token },
})

test('the milliseconds of a post come from its id', async () => {
  const posts = [SINCE_MS, SINCE_MS - 1].map((ms) => ({ id: idAt(ms), text: 'x' }))
  const timeline = await readTimeline(reading(page(posts)), { userId: '7', sinceMs: SINCE_MS })
  expect(timeline).toMatchObject({ posts: [{ createdAtMs: SINCE_MS }], isComplete: true })
})

test('X is asked for whole seconds, from the one that holds the claim', async () => {
  const read = reading(page([]))
  await readTimeline(read, { userId: '7', sinceMs: SINCE_MS })
  const query = new URL(read.paths[0] ?? '', 'http://x').searchParams
  expect(query.get('start_time')).toBe('2026-11-21T12:00:00Z')
})

test('a timeline without end is bounded, and then incomplete', async () => {
  const read = reading(page([{ id: idAt(SINCE_MS), text: 'x' }], 'more'))
  const timeline = await readTimeline(read, { userId: '7', sinceMs: SINCE_MS })
  expect(timeline).toMatchObject({ isComplete: false })
  expect(read.paths).toHaveLength(10)
  expect(read.paths[1]).toContain('pagination_token=more')
})

test('reading ends at the first post from before, even if X offers more', async () => {
  const read = reading(page([{ id: idAt(SINCE_MS - 5), text: 'x' }], 'more'))
  const timeline = await readTimeline(read, { userId: '7', sinceMs: SINCE_MS })
  expect(timeline).toEqual({ outcome: 'read', posts: [], isComplete: true })
  expect(read.paths).toHaveLength(1)
})

test.each([
  {},
  { data: [] },
  { errors: [{ message: 'partial' }] },
  { data: [{ id: 'x', text: '' }], meta: { result_count: 1 } },
])('an answer in another shape is no empty timeline: %j', async (body) => {
  const timeline = await readTimeline(reading(body), { userId: '7', sinceMs: SINCE_MS })
  expect(timeline).toMatchObject({ outcome: 'unavailable' })
})

test('a failure on a later page makes the whole unavailable', async () => {
  let calls = 0
  const read: Read = async () => {
    calls += 1
    if (calls > 1) return { outcome: 'unavailable', detail: 'gone' }
    return { outcome: 'read', body: page([{ id: idAt(SINCE_MS), text: 'x' }], 'more') }
  }
  expect(await readTimeline(read, { userId: '7', sinceMs: SINCE_MS })).toMatchObject({
    outcome: 'unavailable',
  })
})

test('retweets are left out; replies, media and links read back as written', async () => {
  const tweets = [
    { text: 'RT', referenced_tweets: [{ type: 'retweeted', id: '3' }] },
    {
      text: '1 &lt; 2 &amp;amp; https://t.co/aaaaaaaaaa https://t.co/bbbbbbbbbb',
      referenced_tweets: [{ type: 'replied_to', id: '4' }],
      attachments: { media_keys: ['3_1', '3_2'] },
      entities: {
        urls: [
          { url: 'https://t.co/aaaaaaaaaa', expanded_url: 'https://example.com/$&' },
          { url: 'https://t.co/bbbbbbbbbb', display_url: 'pic.twitter.com/b', expanded_url: 'u' },
        ],
      },
    },
  ]
  const posts = tweets.map((tweet) => Object.assign(tweet, { id: idAt(SINCE_MS) }))
  const timeline = await readTimeline(reading(page(posts)), { userId: '7', sinceMs: SINCE_MS })
  expect(timeline).toMatchObject({
    posts: [{ text: '1 < 2 &amp; https://example.com/$&', replyTo: '4', mediaCount: 2 }],
  })
})

test('an account without an id is unavailable', async () => {
  expect(await readOwnId(reading({ data: {} }))).toMatchObject({ outcome: 'unavailable' })
  expect(await readOwnId(reading({ data: { id: '7' } }))).toEqual({ outcome: 'read', userId: '7' })
})
