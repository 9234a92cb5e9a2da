import { expect, test } from 'vitest'

import { decodeReceipt } from './decode-receipt.ts'

const claims = {
  iss: 'x:default',
  iat: 1,
  ledger_id: '00000000-0000-7000-8000-000000000001',
  boot: '00000000-0000-7000-8000-000000000002',
  seq: 1,
  grant_id: '00000000-0000-7000-8000-000000000003',
  effect_key: '0'.repeat(64),
  round: 1,
  args_hash: '0'.repeat(64),
  tool: 'post_tweet',
  mode: 'paper',
  state: 'VOID',
  simulated: true,
}
const jws = (payload: unknown) =>
  `e30.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.c2ln`

test('the claims of a receipt are read without believing them', () => {
  expect(decodeReceipt(jws(claims))).toEqual(claims)
})

test.each([
  ['text', 'nonsense'],
  ['a payload that is not JSON', 'e30.e30x.c2ln'],
  ['other claims', jws({ ...claims, state: 'PERHAPS' })],
  ['nothing', ''],
])('%s is no receipt', (_, text) => {
  expect(decodeReceipt(text)).toBeUndefined()
})
