import { describe, expect, test } from 'vitest'

import { classifyAnswer, retryAfterMsOf } from './classify-answer.ts'

const NOW_MS = 1_800_000_000_000

function classify(status: number, body: unknown, headers: Record<string, string> = {}) {
  const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))
  const postUrl = (id: string) => `https://x.com/i/web/status/${id}`
  return classifyAnswer({ status, headers, body: bytes }, { postUrl, nowMs: NOW_MS })
}

const problem = (detail: string) => ({ title: 'Forbidden', type: 'about:blank', detail })

test('a created post is accepted with its address', () => {
  expect(classify(201, { data: { id: '12', text: 'x', something_new: 1 } })).toEqual({
    outcome: 'accepted',
    providerRef: '12',
    url: 'https://x.com/i/web/status/12',
  })
})

test.each([
  [201, ''],
  [201, { data: {} }],
  [201, { data: { id: 12 } }],
  [201, { data: { id: '../12' } }],
  [200, { errors: [{ message: 'partial' }] }],
  [202, '{"data":'],
  [302, ''],
  [408, problem('timeout')],
  [409, problem('conflict')],
  [500, problem('oops')],
  [502, '<html>'],
  [503, problem('busy')],
  [403, '<html>blocked by a firewall</html>'],
  [400, ''],
  [401, '[]'],
])('%s %j says nothing sure', (status, body) => {
  expect(classify(status, body)).toMatchObject({ outcome: 'unknown' })
})

test.each([
  [400, { errors: [{ message: 'bad' }], title: 'Invalid Request', detail: 'invalid' }],
  [401, { title: 'Unauthorized' }],
  [402, problem('credits depleted')],
  [403, problem('You are not permitted to perform this action.')],
  [403, { errors: [{ code: 64, message: 'suspended' }] }],
])('%s in the words of X is a refusal', (status, body) => {
  expect(classify(status, body)).toMatchObject({ outcome: 'refused', code: 'UPSTREAM_REJECTED' })
})

test.each([
  problem('You are not allowed to create a Tweet with duplicate content.'),
  { errors: [{ code: 187, message: 'Status is a duplicate.' }] },
])('a duplicate is told apart, in both shapes', (body) => {
  expect(classify(403, body)).toMatchObject({ outcome: 'refused', code: 'DUPLICATE' })
  expect(classify(400, body)).not.toMatchObject({ code: 'DUPLICATE' })
})

describe('a rate limit', () => {
  test('is a refusal in any words, for a whole window when it does not say', () => {
    expect(classify(429, 'slow down')).toMatchObject({
      outcome: 'refused',
      code: 'UPSTREAM_RATE_LIMITED',
      retryAfterMs: 900_000,
    })
  })

  test.each([
    [{}, undefined],
    [{ 'x-rate-limit-reset': '1800000060' }, 60_000],
    [{ 'x-rate-limit-reset': '1799999000' }, 0],
    [{ 'x-rate-limit-reset': 'soon' }, undefined],
    [{ 'x-rate-limit-reset': '999999999999' }, 86_400_000],
    [{ 'retry-after': '5' }, 5_000],
    [
      {
        'x-rate-limit-reset': '1800000060',
        'x-user-limit-24hour-remaining': '0',
        'x-user-limit-24hour-reset': '1800003600',
      },
      3_600_000,
    ],
    [
      {
        'x-rate-limit-reset': '1800000060',
        'x-user-limit-24hour-remaining': '7',
        'x-user-limit-24hour-reset': '1800003600',
      },
      60_000,
    ],
  ])('%j waits %s ms', (headers, waitMs) => {
    expect(retryAfterMsOf(headers, NOW_MS)).toBe(waitMs)
  })
})
