import { expect, test } from 'vitest'

import { actionHash } from './action-hash.ts'
import { openAgentWallet } from './agent-wallet.ts'

/** The key that Hyperliquid's SDK publishes for tests. */
const TEST_KEY = '0x0123456789012345678901234567890123456789012345678901234567890123'

const order = {
  type: 'order',
  orders: [
    {
      a: 1,
      b: true,
      p: '100',
      s: '100',
      r: false,
      t: { limit: { tif: 'Gtc' } },
      c: '0x00000000000000000000000000000001',
    },
  ],
  grouping: 'na',
}

// Literals of hyperliquid-python-sdk, tests/signing_test.py (MIT), here so that they always bite.
test.each([
  [
    'mainnet' as const,
    '0x041ae18e8239a56cacbc5dad94d45d0b747e5da11ad564077fcac71277a946e3',
    '0x3c61f667e747404fe7eea8f90ab0e76cc12ce60270438b2058324681a00116da',
    27,
  ],
  [
    'testnet' as const,
    '0xeba0664bed2676fc4e5a743bf89e5c7501aa6d870bdb9446e122c9466c5cd16d',
    '0x7f3e74825c9114bc59086f1eebea2928c190fdfbfde144827cb02b85bbe90988',
    28,
  ],
])('an order with a cloid is signed on %s as the SDK signs it', (chain, r, s, v) => {
  const wallet = openAgentWallet(TEST_KEY, chain)
  expect(wallet.sign({ action: order, nonce: 0 })).toEqual({ r, s, v })
  expect(wallet.address).toBe('0x14791697260e4c9a71f18484c9f997b308e59325')
})

test('nonce, expiry, vault, chain and the order of the keys are all signed', () => {
  const { type, orders, grouping } = order
  const vaultAddress = '0x1719884eb866cb12b2287399b15f7db5e7d775ea'
  const fields = { action: order, nonce: 1_700_000_000_000 }
  const hashes = [
    fields,
    { ...fields, nonce: fields.nonce + 1 },
    { ...fields, expiresAfter: fields.nonce },
    { ...fields, expiresAfter: fields.nonce + 1 },
    { ...fields, vaultAddress },
    { ...fields, vaultAddress, expiresAfter: fields.nonce },
    { ...fields, action: { type, grouping, orders } },
    { ...fields, action: { ...order, orders: [{ ...orders[0], p: '100.0' }] } },
  ].map((each) => actionHash(each).toString('hex'))
  expect(new Set(hashes).size).toBe(hashes.length)
})

test.each([
  '',
  '0x',
  'secret-canary',
  `0x${'0'.repeat(64)}`,
  'f'.repeat(64),
  `0x${'1'.repeat(63)}`,
])('what is no key is refused without a word of it: "%s"', (text) => {
  const failed = (): unknown => openAgentWallet(text, 'testnet')
  expect(failed).toThrow(RangeError)
  if (text.length > 4) expect(failed).not.toThrow(new RegExp(text, 'u'))
})

test('a wallet shows its key to nobody', () => {
  const wallet = openAgentWallet(TEST_KEY, 'testnet')
  expect(JSON.stringify(wallet)).not.toContain(TEST_KEY.slice(2, 20))
  expect(Object.keys(wallet)).toEqual(['address', 'chain', 'sign'])
})
