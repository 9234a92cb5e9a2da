import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { openRig, type Rig } from './tool-rig.ts'

let rig: Rig
let serial = 0
beforeAll(async () => {
  rig = await openRig({
    TWEET_COOLDOWN_MS: '1',
    TWEET_ABSENCE_MS: '450',
    TWEET_SEND_TIMEOUT_MS: '400',
  })
})
afterAll(async () => rig[Symbol.asyncDispose]())
beforeEach(async () => {
  await rig.tellX({ fault: 'none', duplicate_check: true, timeline_delay_ms: 0 })
})

/** A text that X has not seen. */
const fresh = () => ({ text: `tweet number ${(serial += 1)}`, is_ai_labeled: true })

const postsOf = (args: { text: string }) =>
  rig.posts().filter((line) => JSON.stringify(line['body']).includes(`${args.text}"`))

describe('an answer that is lost after X has taken the post', () => {
  test.each(['cut', 'hang', '5xx_after'])('%s: UNKNOWN, then found', async (fault) => {
    const args = fresh()
    await rig.tellX({ fault })
    const claims = rig.claims({ args })
    const reply = await rig.call(claims, args)
    expect(reply).toMatchObject({ isError: true, status: 'UNKNOWN', code: 'OUTCOME_UNKNOWN' })
    expect(reply.receipt).toMatchObject({ state: 'UNKNOWN', grant_id: claims.jti })
    const settled = await rig.settled(claims.jti)
    const [post] = postsOf(args)
    expect(settled).toMatchObject({ state: 'CONFIRMED', provider_ref: post?.id })
    expect(postsOf(args)).toHaveLength(1)
    expect(await rig.call(claims, args)).toMatchObject({ status: 'CONFIRMED' })
  })

  test('nobody has to ask: the server settles it by itself', async () => {
    const args = fresh()
    await rig.tellX({ fault: 'cut' })
    const claims = rig.claims({ args })
    expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
    await expect
      .poll(async () => (await rig.call(claims, args)).status, { timeout: 10_000 })
      .toBe('CONFIRMED')
    expect(postsOf(args)).toHaveLength(1)
  })

  test('a timeline that is late does not prove absence', async () => {
    const args = fresh()
    await rig.tellX({ fault: 'cut', timeline_delay_ms: 600 })
    const claims = rig.claims({ args })
    await rig.call(claims, args)
    expect(await rig.settled(claims.jti)).toMatchObject({ state: 'CONFIRMED' })
  })
})

describe('a request that X never took', () => {
  test.each(['5xx', 'reset_before', 'timeout_before'])(
    '%s: UNKNOWN, then absent, and the next round posts',
    async (fault) => {
      const args = fresh()
      await rig.tellX({ fault })
      const claims = rig.claims({ args })
      expect(await rig.call(claims, args)).toMatchObject({ status: 'UNKNOWN' })
      expect(await rig.settled(claims.jti)).toMatchObject({ state: 'NOT_HAPPENED' })
      const next = { ...rig.claims({ args, goal: claims.goal }), round: 2, closed_rounds: [1] }
      expect(await rig.call(next, args)).toMatchObject({ status: 'CONFIRMED' })
      expect(postsOf(args)).toHaveLength(1)
    },
  )

  test('a timeline that cannot be read settles nothing', async () => {
    const args = fresh()
    await rig.tellX({ fault: '5xx' })
    await rig.tellX({ fault: '5xx', on: 'timeline', times: 3 })
    const claims = rig.claims({ args })
    await rig.call(claims, args)
    expect(await rig.settled(claims.jti)).toMatchObject({ state: 'NOT_HAPPENED' })
  })

  test('a duplicate is REFUSED, for good', async () => {
    const args = fresh()
    expect(await rig.call(rig.claims({ args }), args)).toMatchObject({ status: 'CONFIRMED' })
    const reply = await rig.call(rig.claims({ args }), args)
    expect(reply).toMatchObject({ status: 'REFUSED', code: 'DUPLICATE', retryAfterMs: undefined })
    expect(reply.fields['retryable']).toBe(false)
    expect(postsOf(args)).toHaveLength(1)
  })

  test('a rate limit is REFUSED, and holds up what comes next until its reset', async () => {
    const args = fresh()
    await rig.tellX({ fault: '429', reset_in_ms: 2_000 })
    const claims = rig.claims({ args })
    const reply = await rig.call(claims, args)
    expect(reply).toMatchObject({ status: 'REFUSED', code: 'UPSTREAM_RATE_LIMITED' })
    const next = { ...rig.claims({ args, goal: claims.goal }), round: 2, closed_rounds: [1] }
    const waits = await rig.call(next, args)
    expect(waits).toMatchObject({ status: 'VOID', code: 'COOLDOWN_ACTIVE' })
    expect(waits.retryAfterMs).toBeGreaterThan(0)
    // The header counts in whole seconds.
    expect(waits.retryAfterMs).toBeLessThanOrEqual(3_000)
    await new Promise((resolve) => {
      setTimeout(resolve, (waits.retryAfterMs ?? 0) + 5)
    })
    const last = { ...next, jti: crypto.randomUUID(), round: 3, closed_rounds: [1, 2] }
    expect(await rig.call(last, args)).toMatchObject({ status: 'CONFIRMED' })
  })
})

describe('what the network is told', () => {
  test('the label stands on the wire; a post without one needs a grant that says so', async () => {
    const args = { ...fresh(), is_ai_labeled: false }
    const refused = await rig.call(rig.claims({ args }), args)
    expect(refused).toMatchObject({ status: 'VOID', code: 'LIMIT_EXCEEDED' })
    const limits = { ai_label_required: false }
    const reply = await rig.call(rig.claims({ args, limits }), args)
    expect(reply).toMatchObject({ status: 'CONFIRMED', fields: { made_with_ai: false } })
    expect(postsOf(args)[0]?.['body']).toMatchObject({ made_with_ai: false })
  })

  test('a text that is too long by its weight is VOID before anything is sent', async () => {
    const args = { text: '語'.repeat(141), is_ai_labeled: true }
    const before = rig.requests().length
    const reply = await rig.call(rig.claims({ args }), args)
    expect(reply).toMatchObject({ status: 'VOID', code: 'TEXT_TOO_LONG' })
    expect(rig.requests()).toHaveLength(before)
  })

  test('a reply answers its post, and does not wait for the cooldown of posts', async () => {
    const args = fresh()
    const post = await rig.call(rig.claims({ args }), args)
    const answer = { ...fresh(), in_reply_to: String(post.fields['tweet_id']) }
    const claims = rig.claims({ args: answer, tool: 'reply_tweet', slot: 'reply:1' })
    const reply = await rig.call(claims, answer)
    expect(reply).toMatchObject({ status: 'CONFIRMED' })
    expect(postsOf(answer)[0]?.['body']).toMatchObject({
      reply: { in_reply_to_tweet_id: answer.in_reply_to },
    })
  })
})

describe('the cooldown of fifteen minutes', () => {
  test('twenty grants at once are one post, and get_cooldown says until when', async () => {
    await using own = await openRig()
    const calls = Array.from({ length: 20 }, async () => {
      const args = fresh()
      return own.call(own.claims({ args }), args)
    })
    const replies = await Promise.all(calls)
    expect(replies.filter(({ status }) => status === 'CONFIRMED')).toHaveLength(1)
    const waiting = replies.filter(({ code }) => code === 'COOLDOWN_ACTIVE')
    expect(waiting).toHaveLength(19)
    for (const { retryAfterMs, receipt } of waiting) {
      expect(retryAfterMs).toBeGreaterThan(800_000)
      expect(receipt).toMatchObject({ state: 'VOID', code: 'COOLDOWN_ACTIVE' })
    }
    expect(own.posts()).toHaveLength(1)
    const { fields } = await own.callTool('get_cooldown', {})
    expect(Number(fields['post_wait_ms'])).toBeGreaterThan(800_000)
    expect(fields['reply_wait_ms']).toBe(0)
  })
})
