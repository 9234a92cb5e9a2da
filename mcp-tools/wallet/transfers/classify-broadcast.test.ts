import { expect, test } from 'vitest'

import { classifyBroadcast } from './classify-broadcast.ts'

const HASH = `0x${'ab'.repeat(32)}`
const answer = (status: number, body: unknown, headers = {}) =>
  classifyBroadcast(
    { status, headers, body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)) },
    HASH,
  )
const fault = (message: string) => ({ jsonrpc: '2.0', id: 1, error: { code: -32_000, message } })

test('a node that took the transaction has not mined it', () => {
  expect(answer(200, { jsonrpc: '2.0', id: 1, result: HASH })).toMatchObject({ outcome: 'pending' })
})

test.each([
  ['insufficient funds for gas * price + value', 'INSUFFICIENT_FUNDS'],
  ['Insufficient funds for gas * price + value', 'INSUFFICIENT_FUNDS'],
  ['intrinsic gas too low', 'UPSTREAM_REJECTED'],
  ['max fee per gas less than block base fee', 'UPSTREAM_REJECTED'],
  ['exceeds block gas limit', 'UPSTREAM_REJECTED'],
])('"%s" is a refusal', (message, code) => {
  expect(answer(200, fault(message))).toMatchObject({ outcome: 'refused', code })
})

test.each([
  'already known',
  'nonce too low',
  'replacement transaction underpriced',
  'transaction underpriced',
  'txpool is full',
  'internal error',
])('"%s" proves nothing', (message) => {
  expect(answer(200, fault(message))).toMatchObject({ outcome: 'unknown' })
})

test.each([
  ['another hash', 200, { jsonrpc: '2.0', id: 1, result: `0x${'cd'.repeat(32)}` }],
  ['a page', 200, '<html>welcome</html>'],
  ['503 with a refusal', 503, fault('insufficient funds')],
  ['502', 502, ''],
])('%s proves nothing', (_title, status, body) => {
  expect(answer(status, body)).toMatchObject({ outcome: 'unknown' })
})

test('a rate limit is waited for, as long as it was said', () => {
  const limited = answer(429, fault('slow down'), { 'retry-after': '7' })
  expect(limited).toMatchObject({ outcome: 'refused', retryAfterMs: 7_000 })
  expect(answer(429, '')).toMatchObject({ outcome: 'refused', retryAfterMs: 5_000 })
})
