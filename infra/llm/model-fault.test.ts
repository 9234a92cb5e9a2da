import { expect, test } from 'vitest'

import { faultOfModel } from './model-fault.ts'

/** What the SDK throws of a refusal. */
const refusal = (statusCode: number, of: { body?: string; headers?: Record<string, string> }) =>
  Object.assign(new Error('refused'), {
    name: 'AI_APICallError',
    statusCode,
    responseBody: of.body ?? '',
    responseHeaders: of.headers ?? {},
  })

const sorted = (thrown: unknown) => {
  const fault = faultOfModel('host/m', thrown)
  if (!('failed' in fault)) throw new Error('It may be repaired.')
  return fault.failed
}
const paused = (headers: Record<string, string>): number | undefined =>
  sorted(refusal(429, { headers })).retryAfterMs

test.each([
  ['seconds', { 'retry-after': '7' }, 7_000],
  ['a fraction of them', { 'retry-after': '1.5' }, 1_500],
  ['milliseconds, which are finer', { 'retry-after-ms': '2500', 'retry-after': '3' }, 2_500],
  ['at once, which is a second', { 'retry-after': '0' }, 1_000],
  ['a date that is over', { 'retry-after': 'Fri, 31 Dec 1999 23:59:59 GMT' }, 1_000],
  ['a day, of which an hour is taken', { 'retry-after': '86400' }, 3_600_000],
  ['more seconds than a year has', { 'retry-after': '99999999' }, 3_600_000],
  ['what is no time', { 'retry-after': 'soon' }, undefined],
  ['nothing', {}, undefined],
])('a pause of %s', (_what, headers, ms) => {
  expect(paused(headers)).toBe(ms)
})

test('a pause until a date', () => {
  const inAMinute = new Date(Date.now() + 60_000).toUTCString()
  const ms = paused({ 'retry-after': inAMinute }) ?? 0
  expect(ms).toBeGreaterThan(50_000)
  expect(ms).toBeLessThanOrEqual(60_000)
})

test.each([
  ['an overload', { message: 'Overloaded', code: 529 }, 'unavailable'],
  ['a limit', { message: 'slow down', code: 429 }, 'rate_limited'],
  ['an empty account', { message: 'This request needs more credits.', code: 402 }, 'money'],
  ['words without a status', { message: 'told to fail', code: 'server_error' }, 'unavailable'],
  ['nothing that can be read', 'oh', 'unavailable'],
])('a stream that says %s in place of an answer', (_what, thrown, kind) => {
  const fault = sorted(thrown)
  expect(fault.kind).toBe(kind)
  if (typeof thrown !== 'string') expect(fault.error.message).toContain(thrown.message)
})

test.each([
  [400, 'Your credit balance is too low to access the Anthropic API.', 'money'],
  [400, 'You have reached your specified API usage limits.', 'money'],
  [403, '{"error":{"message":"Key limit exceeded (monthly spend limit)"}}', 'money'],
  [429, '{"error":{"code":"insufficient_quota"}}', 'money'],
  [503, 'The usage limit of this server is reached.', 'unavailable'],
  [400, 'prompt is too long: 213462 tokens > 200000 maximum', 'too_long'],
  [413, '{"error":{"type":"request_too_large"}}', 'too_long'],
  [422, 'no', 'refused'],
] as const)('%s with "%s" is %s', (status, body, kind) => {
  expect(sorted(refusal(status, { body })).kind).toBe(kind)
})
