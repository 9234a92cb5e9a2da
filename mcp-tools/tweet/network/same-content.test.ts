import { expect, test } from 'vitest'

import type { Post, SeenPost } from './network.ts'
import { sameContent } from './same-content.ts'

const seen = (text: string, rest: Partial<SeenPost> = {}): SeenPost => {
  return { id: '1', createdAtMs: 0, text, mediaCount: 0, ...rest }
}
const wanted = (text: string, rest: Partial<Post> = {}): Post => {
  return { text, mediaIds: [], isAiLabeled: true, ...rest }
}

test.each([
  ['http://example.com', 'example.com'],
  ['https://example.com/', 'https://example.com'],
  ['see https://example.com/?a=1&amp;b=2', 'see https://example.com/?a=1&b=2'],
  ['go http://xn--mnchen-3ya.de now', 'go http://münchen.de now'],
  ['a b', 'a  b '],
  ['caf\u00e9', 'cafe\u0301'],
  ['short https://long.example.org/x', 'short https://t.co/abcdefghij'],
])('%j is %j', (left, right) => {
  expect(sameContent(seen(left), wanted(right))).toBe(true)
})

test.each([
  ['hello', 'hello!'],
  ['see https://example.com/a', 'see https://example.com/b'],
  ['see https://example.com/A', 'see https://example.com/a'],
  ['https://example.com https://example.org', 'https://example.org https://example.com'],
  ['@ada hello', 'hello'],
  ['Hello', 'hello'],
])('%j is not %j', (left, right) => {
  expect(sameContent(seen(left), wanted(right))).toBe(false)
})

test('the mentions that X puts before a reply do not count, those of the text do', () => {
  const reply = wanted('hello', { replyTo: '9' })
  expect(sameContent(seen('@ada @bob hello', { replyTo: '9' }), reply)).toBe(true)
  expect(sameContent(seen('@ada hello you', { replyTo: '9' }), reply)).toBe(false)
  const withMention = wanted('@ada hello', { replyTo: '9' })
  expect(sameContent(seen('@ada hello', { replyTo: '9' }), withMention)).toBe(true)
  expect(sameContent(seen('hello', { replyTo: '9' }), withMention)).toBe(false)
})

test('media are compared by number, when the network told it', () => {
  const picture = wanted('look', { mediaIds: ['5'] })
  expect(sameContent(seen('look', { mediaCount: 1 }), picture)).toBe(true)
  expect(sameContent(seen('look'), picture)).toBe(false)
  expect(sameContent({ id: '1', createdAtMs: 0, text: 'look' }, picture)).toBe(true)
})
