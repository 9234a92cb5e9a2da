import type { Network, Post, Timeline } from '@chimera/mcp-tweet/network/network'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import {
  IMPLEMENTATIONS,
  openRig,
  plainPost,
  type Rig,
  tryPost,
  uploaded,
} from './tweet-network-rig.ts'

const FAMILY = '👨‍👩‍👧‍👦'

async function readSince(
  network: Network,
  sinceMs: number,
): Promise<Timeline & { outcome: 'read' }> {
  const timeline = await network.findSince({ sinceMs })
  if (timeline.outcome !== 'read') throw new Error(timeline.detail)
  return timeline
}

/** The post as the account's own timeline shows it: the look-up of a reconciliation. */
async function findPost(network: Network, wanted: Post, sinceMs: number) {
  const { posts } = await readSince(network, sinceMs)
  return posts.find((seen) => network.sameContent(seen, wanted))
}

describe.each(Object.entries(IMPLEMENTATIONS))('a tweet network: %s', (_name, open) => {
  let rig: Rig
  let network: Network
  let startedMs: number

  beforeEach(async () => {
    rig = await openRig()
    network = open(rig.x.url)
    startedMs = Date.now()
  })
  afterEach(() => rig[Symbol.asyncDispose]())

  test('an accepted post has the id that the network gave it', async () => {
    const result = await tryPost(network, plainPost('hello'))
    const [line] = rig.accepted()
    expect(result).toEqual({
      outcome: 'accepted',
      providerRef: line?.id,
      url: expect.stringContaining(line?.id ?? '-'),
    })
    expect(line).toMatchObject({ account: 'default', status: 201, body: { text: 'hello' } })
  })

  test.each([true, false])('the AI label is always stated: %s', async (isAiLabeled) => {
    await tryPost(network, plainPost('labelled', { isAiLabeled }))
    expect(rig.accepted()[0]?.body).toMatchObject({ made_with_ai: isAiLabeled })
  })

  test('a reply reads back as a reply to the same post only', async () => {
    const reply = plainPost('thank you', { replyTo: '1234567890' })
    expect(await tryPost(network, reply)).toMatchObject({ outcome: 'accepted' })
    expect(await findPost(network, reply, startedMs)).toMatchObject({ replyTo: '1234567890' })
    const { replyTo: _, ...noReply } = reply
    expect(await findPost(network, noReply, startedMs)).toBeUndefined()
    expect(await findPost(network, { ...reply, replyTo: '99' }, startedMs)).toBeUndefined()
  })

  test('the same words twice are refused as a duplicate', async () => {
    await tryPost(network, plainPost('again and again'))
    expect(await tryPost(network, plainPost('again  and\nagain'))).toMatchObject({
      outcome: 'refused',
      code: 'DUPLICATE',
    })
    expect(rig.accepted()).toHaveLength(1)
  })

  test('without the duplicate check of the simulation a double post shows', async () => {
    await rig.control({ duplicate_check: false })
    await tryPost(network, plainPost('again'))
    await tryPost(network, plainPost('again'))
    expect(rig.accepted()).toHaveLength(2)
  })

  test('a rate limit is a refusal that says how long to wait', async () => {
    await rig.control({ fault: '429', reset_in_ms: 60_000 })
    const result = await tryPost(network, plainPost('too much'))
    expect(result).toMatchObject({ outcome: 'refused', code: 'UPSTREAM_RATE_LIMITED' })
    const waitMs = result.outcome === 'refused' ? (result.retryAfterMs ?? 0) : 0
    expect(waitMs).toBeGreaterThan(55_000)
    expect(waitMs).toBeLessThanOrEqual(61_000)
    expect(rig.accepted()).toHaveLength(0)
  })

  test('the limit of a window refuses by itself', async () => {
    await rig.control({ post_limit: 1 })
    expect(await tryPost(network, plainPost('one'))).toMatchObject({ outcome: 'accepted' })
    expect(await tryPost(network, plainPost('two'))).toMatchObject({
      code: 'UPSTREAM_RATE_LIMITED',
    })
  })

  test.each([
    { fault: '5xx', accepted: 0 },
    { fault: '5xx_after', accepted: 1 },
    { fault: 'reset_before', accepted: 0 },
    { fault: 'cut', accepted: 1 },
    { fault: 'timeout_before', accepted: 0 },
    { fault: 'hang', accepted: 1 },
  ] as const)('after $fault the outcome is unknown; reading tells it', async (row) => {
    const post = plainPost(`met by ${row.fault}`)
    await rig.control({ fault: row.fault })
    expect(await tryPost(network, post, 400)).toMatchObject({ outcome: 'unknown' })
    expect(rig.accepted()).toHaveLength(row.accepted)
    const found = await findPost(network, post, startedMs)
    expect(found?.id).toBe(rig.accepted()[0]?.id)
  })

  test('a fault meets only the post that it matches', async () => {
    await rig.control({ fault: '5xx', match: 'unlucky', times: 2 })
    expect(await tryPost(network, plainPost('fine'))).toMatchObject({ outcome: 'accepted' })
    expect(await tryPost(network, plainPost('unlucky 1'))).toMatchObject({ outcome: 'unknown' })
    expect(await tryPost(network, plainPost('unlucky 2'))).toMatchObject({ outcome: 'unknown' })
    expect(await tryPost(network, plainPost('unlucky 3'))).toMatchObject({ outcome: 'accepted' })
  })

  test('a post is absent from the timeline until the delay is over', async () => {
    await rig.control({ timeline_delay_ms: 200 })
    const post = plainPost('shows later')
    await tryPost(network, post)
    expect(await readSince(network, startedMs)).toMatchObject({ posts: [], isComplete: true })
    await expect.poll(() => findPost(network, post, startedMs)).toBeDefined()
  })

  test('a post from before is not read, and one of the same second is', async () => {
    await tryPost(network, plainPost('before'))
    await new Promise((resolve) => setTimeout(resolve, 5))
    const sinceMs = Date.now()
    await tryPost(network, plainPost('after'))
    const { posts } = await readSince(network, sinceMs + skewOf(network))
    expect(posts.map(({ text }) => text)).toEqual(['after'])
  })

  test('all pages are read, newest first', async () => {
    for (let n = 1; n <= 101; n += 1) await tryPost(network, plainPost(`post ${n}`))
    const { posts, isComplete } = await readSince(network, startedMs)
    expect(isComplete).toBe(true)
    expect(posts.map(({ text }) => text)).toEqual(
      Array.from({ length: 101 }, (_, index) => `post ${101 - index}`),
    )
  })

  test.each(['5xx', '429', 'reset_before', 'timeout_before'] as const)(
    'a timeline that fails by %s is unavailable, not empty',
    async (fault) => {
      await rig.control({ fault, on: 'timeline' })
      expect(await network.findSince({ sinceMs: startedMs })).toMatchObject({
        outcome: 'unavailable',
      })
      expect(await readSince(network, startedMs)).toMatchObject({ posts: [], isComplete: true })
    },
  )

  test('a reading can be called off', async () => {
    await rig.control({ fault: 'timeout_before', on: 'timeline' })
    const signal = AbortSignal.timeout(50)
    await expect(network.findSince({ sinceMs: startedMs, signal })).rejects.toThrow(/timeout/u)
  })

  test.each([
    'bare example.com and https://example.org/a?b=1&c=2#d.',
    'AT&T <b> &amp; "quotes"',
    'Trailing slash http://example.com/ and CAPS HTTPS://Example.COM/Path',
    '日本語 https://example.com/日本語 と emoji 👩🏽‍🚀',
    'cafe\u0301 in two code points',
    'line one\n\nline  two',
  ])('what X rewrites reads back as what was sent: %j', async (text) => {
    const post = plainPost(text)
    expect(await tryPost(network, post)).toMatchObject({ outcome: 'accepted' })
    expect(await findPost(network, post, startedMs)).toBeDefined()
    const other = { ...post, text: text.replace(/[a-z]/u, 'z') }
    expect(await findPost(network, other, startedMs)).toBeUndefined()
  })

  test('another link at the same place is another post', async () => {
    const post = plainPost('read https://example.com/a')
    await tryPost(network, post)
    const other = plainPost('read https://example.com/b')
    expect(await findPost(network, other, startedMs)).toBeUndefined()
  })

  test('media are counted, and their own link is no part of the text', async () => {
    const mediaIds = await uploaded(network, 2)
    const post = plainPost('two pictures', { mediaIds })
    expect(await tryPost(network, post)).toMatchObject({ outcome: 'accepted' })
    expect(rig.accepted()[0]?.body).toMatchObject({ media: { media_ids: mediaIds } })
    expect(await findPost(network, post, startedMs)).toMatchObject({ text: 'two pictures' })
    expect(await findPost(network, { ...post, mediaIds: ['11'] }, startedMs)).toBeUndefined()
  })

  test.each([
    ['140 CJK', '字'.repeat(140)],
    ['140 joined emoji', FAMILY.repeat(140)],
    ['a link weighs 23', `${'a'.repeat(256)} https://example.com/${'b'.repeat(200)}`],
    ['280 in two code points each', 'e\u0301'.repeat(280)],
  ])('X takes what weighs 280: %s', async (_what, text) => {
    expect(await tryPost(network, plainPost(text))).toMatchObject({ outcome: 'accepted' })
  })

  test.each([
    ['141 CJK', '字'.repeat(141)],
    ['141 joined emoji', FAMILY.repeat(141)],
    ['281 letters', 'a'.repeat(281)],
    ['a link too many', `${'a'.repeat(257)} https://example.com`],
    ['nothing', ' '],
    ['half a character', 'broken \ud83d'],
  ])('what X would not take is not prepared: %s', (_what, text) => {
    expect(() => network.prepare(plainPost(text))).toThrow(RangeError)
  })

  test('five media or a strange id are not prepared', () => {
    const five = plainPost('x', { mediaIds: ['1', '2', '3', '4', '5'] })
    expect(() => network.prepare(five)).toThrow(/at most 4/u)
    expect(() => network.prepare(plainPost('x', { mediaIds: ['1a'] }))).toThrow(/not an id/u)
    expect(() => network.prepare(plainPost('x', { replyTo: '1/2' }))).toThrow(/not an id/u)
  })

  test('a new life of the simulated X remembers what it accepted', async () => {
    await rig.control({ fault: 'cut' })
    await tryPost(network, plainPost('before the restart'))
    await rig.restart()
    network = open(rig.x.url)
    expect(await findPost(network, plainPost('before the restart'), startedMs)).toBeDefined()
    expect(await tryPost(network, plainPost('before the restart'))).toMatchObject({
      code: 'DUPLICATE',
    })
    const numbers = rig.record().map(({ n }) => n)
    expect(numbers).toEqual(numbers.map((_, index) => index + 1))
  })
})

/** The live network also reads what is a little older, because its clock is not ours. */
function skewOf({ isLive }: Network): number {
  return isLive ? 10_000 : 0
}
