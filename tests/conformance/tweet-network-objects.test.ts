/** What a tweet network does beside posting: media, deletions, look-ups and mentions. */
import type { Network } from '@chimera/mcp-tweet/network/network'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import {
  IMPLEMENTATIONS,
  openRig,
  picture,
  plainPost,
  type Rig,
  tryPost,
  tryRemoval,
  tryUpload,
  uploaded,
} from './tweet-network-rig.ts'

const Planted = z.looseObject({ mention_id: z.string() })

const LOSSES = ['5xx', '5xx_after', 'reset_before', 'cut', 'timeout_before', 'hang'] as const

describe.each(Object.entries(IMPLEMENTATIONS))('a tweet network: %s', (_name, open) => {
  let rig: Rig
  let network: Network
  beforeEach(async () => {
    rig = await openRig()
    network = open(rig.x.url)
  })
  afterEach(() => rig[Symbol.asyncDispose]())

  async function posted(text: string): Promise<string> {
    const verdict = await tryPost(network, plainPost(text))
    if (verdict.outcome !== 'accepted') throw new Error(verdict.detail)
    return verdict.providerRef
  }
  const found = async (id: string) => {
    const answer = await network.findPost({ id })
    return answer.outcome === 'read' ? (answer.post?.text ?? 'gone') : answer.outcome
  }

  test('an upload has an id, and its bytes stay out of the record', async () => {
    expect(await tryUpload(network, picture(1))).toMatchObject({ outcome: 'uploaded' })
    const [line] = rig.record()
    expect(line).toMatchObject({
      path: '/2/media/upload',
      outcome: 'accepted',
      body: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/), media_type: 'image/png' },
    })
  })

  test('what is no picture, and what is called otherwise, is refused', async () => {
    expect(await tryUpload(network, Buffer.from('<svg/>'))).toMatchObject({
      outcome: 'refused',
      code: 'UPSTREAM_REJECTED',
    })
    expect(await tryUpload(network, Buffer.from('ffd8ffe0', 'hex'))).toMatchObject({
      outcome: 'refused',
    })
  })

  test('media that X does not hold cannot be posted; a new X still has them', async () => {
    const [id = ''] = await uploaded(network, 1)
    const stranger = plainPost('not mine', { mediaIds: ['4711'] })
    expect(await tryPost(network, stranger)).toMatchObject({ code: 'UPSTREAM_REJECTED' })
    await rig.restart()
    network = open(rig.x.url)
    const post = plainPost('mine', { mediaIds: [id] })
    expect(await tryPost(network, post)).toMatchObject({ outcome: 'accepted' })
  })

  test.each(LOSSES)(
    'an upload that is lost by %s is unknown, and may be repeated',
    async (fault) => {
      await rig.control({ fault, on: 'upload' })
      expect(await tryUpload(network, picture(1), 150)).toMatchObject({ outcome: 'unknown' })
      expect(await tryUpload(network, picture(1))).toMatchObject({ outcome: 'uploaded' })
    },
  )

  test('a deletion is named, and the post is gone from look-up and timeline', async () => {
    const id = await posted('hello')
    expect(await found(id)).toBe('hello')
    expect(await tryRemoval(network, id)).toEqual({
      outcome: 'accepted',
      providerRef: `deleted:${id}`,
    })
    expect(await found(id)).toBe('gone')
    expect(await network.findSince({ sinceMs: 0 })).toMatchObject({ posts: [] })
    await rig.restart()
    network = open(rig.x.url)
    expect(await found(id)).toBe('gone')
  })

  test('what is gone cannot be deleted again, and nobody deletes what is not theirs', async () => {
    const id = await posted('hello')
    await tryRemoval(network, id)
    expect(await tryRemoval(network, id)).toMatchObject({ code: 'UPSTREAM_REJECTED' })
    const planted = await rig.control({ mention: { text: 'not yours', author: 'somebody' } })
    const { mention_id: other } = Planted.parse(planted)
    expect(await tryRemoval(network, other)).toMatchObject({ outcome: 'refused' })
    expect(() => network.prepareRemoval('../users/me')).toThrow(/not an id/u)
  })

  test.each(LOSSES)('a deletion that is lost by %s is unknown; looking tells', async (fault) => {
    const id = await posted('hello')
    await rig.control({ fault, on: 'delete', match: id })
    expect(await tryRemoval(network, id, 150)).toMatchObject({ outcome: 'unknown' })
    const isDone = ['5xx_after', 'cut', 'hang'].includes(fault)
    expect(await found(id)).toBe(isDone ? 'gone' : 'hello')
  })

  test.each(['5xx', '429', 'reset_before'] as const)(
    'a look-up that fails by %s says nothing of the post',
    async (fault) => {
      const id = await posted('hello')
      await rig.control({ fault, on: 'lookup' })
      await rig.control({ fault, on: 'mentions' })
      expect(await found(id)).toBe('unavailable')
      expect(await network.findMentions({ limit: 5 })).toMatchObject({ outcome: 'unavailable' })
      expect(await found(id)).toBe('hello')
    },
  )

  test('mentions come newest first, in pages, and only what is newer when asked', async () => {
    expect(await network.findMentions({ limit: 10 })).toEqual({ outcome: 'read', posts: [] })
    for (let n = 1; n <= 7; n += 1)
      await rig.control({ mention: { text: `hey ${n}`, author: 'a' } })
    const first = await network.findMentions({ limit: 5 })
    if (first.outcome !== 'read') throw new Error(first.detail)
    expect(first.posts.map(({ text }) => text)).toEqual([
      'hey 7',
      'hey 6',
      'hey 5',
      'hey 4',
      'hey 3',
    ])
    expect(first.posts[0]?.authorId).toMatch(/^[0-9]+$/)
    const rest = await network.findMentions({ limit: 5, next: first.next ?? '' })
    if (rest.outcome !== 'read') throw new Error(rest.detail)
    expect(rest.posts.map(({ text }) => text)).toEqual(['hey 2', 'hey 1'])
    expect(rest.next).toBeUndefined()
    const sinceId = first.posts[2]?.id ?? ''
    expect(await network.findMentions({ limit: 5, sinceId })).toMatchObject({
      posts: [{ text: 'hey 7' }, { text: 'hey 6' }],
    })
  })
})
