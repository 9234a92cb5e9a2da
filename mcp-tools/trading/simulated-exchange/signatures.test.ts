import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'

import type { SignedFields } from '../hyperliquid/signing/action-hash.ts'
import { openAgentWallet } from '../hyperliquid/signing/agent-wallet.ts'
import { ExchangeRig } from './testing/exchange-rig.ts'

const rig = new ExchangeRig()
beforeAll(async () => {
  await rig.open()
  await rig.control({ prices: { BTC: '50000' } })
})
beforeEach(async () => rig.control({ fault: 'none', duplicate_check: true, clock_skew_ms: 0 }))
afterAll(async () => rig[Symbol.asyncDispose]())

const order = () => ({
  type: 'order',
  orders: [
    {
      a: 0,
      b: true,
      p: '50500',
      s: '0.001',
      r: false,
      t: { limit: { tif: 'Ioc' } },
      c: rig.cloid(),
    },
  ],
  grouping: 'na',
})
/** Signs one thing and sends another, or the same. */
async function sign(fields: SignedFields, sent: object = {}, wallet = rig.wallet) {
  const body = { ...fields, signature: wallet.sign(fields), ...sent }
  const answer = await rig.post('/exchange', body)
  const text = await answer.text()
  return { status: answer.status, text, accepted: rig.record().at(-1)?.outcome === 'accepted' }
}
let last = Date.now()
const nonce = (): number => (last = Math.max(last + 1, Date.now()))

test('what is signed as it is sent is done', async () => {
  expect(await sign({ action: order(), nonce: nonce() })).toMatchObject({ accepted: true })
})

test.each<[string, () => Promise<{ text: string; accepted: boolean }>]>([
  ['another price', async () => altered((each) => ({ ...each, p: '50400' }))],
  ['another size', async () => altered((each) => ({ ...each, s: '0.002' }))],
  ['another side', async () => altered((each) => ({ ...each, b: false }))],
  ['another cloid', async () => altered((each) => ({ ...each, c: rig.cloid() }))],
  ['another nonce', async () => sign({ action: order(), nonce: nonce() }, { nonce: nonce() })],
  [
    'another expiry',
    async () => {
      const fields = { action: order(), nonce: nonce(), expiresAfter: Date.now() + 1_000 }
      return sign(fields, { expiresAfter: Date.now() + 100_000 })
    },
  ],
  [
    'an expiry added',
    async () => sign({ action: order(), nonce: nonce() }, { expiresAfter: last * 2 }),
  ],
  [
    // The exchange packs in its own order and without trailing zeros, whatever was signed.
    'keys in another order',
    async () => {
      const { type, orders, grouping } = order()
      return sign({ action: { type, grouping, orders }, nonce: nonce() })
    },
  ],
  [
    'a trailing zero',
    async () => {
      const { type, orders, grouping } = order()
      const zeros = orders.map((each) => ({ ...each, p: '50500.0' }))
      return sign({ action: { type, orders: zeros, grouping }, nonce: nonce() })
    },
  ],
  [
    'a signature for the real exchange',
    async () => {
      const wallet = openAgentWallet(
        `0x0123456789${'01234567890123456789'.repeat(2)}01234567890123`,
        'mainnet',
      )
      expect(wallet.address).toBe(rig.wallet.address)
      return sign({ action: order(), nonce: nonce() }, {}, wallet)
    },
  ],
  [
    'a key that no account has approved',
    async () => {
      const wallet = openAgentWallet(`0x${'7'.repeat(64)}`, 'testnet')
      return sign({ action: order(), nonce: nonce() }, {}, wallet)
    },
  ],
])('%s is a signature of nobody here, and nothing is done', async (_what, send) => {
  const { text, accepted } = await send()
  expect(text).toMatch(/User or API Wallet 0x[0-9a-f]{40} does not exist\./u)
  expect(accepted).toBe(false)
})

async function altered(change: (order: object) => object) {
  const action = order()
  const orders = action.orders.map(change)
  return sign({ action, nonce: nonce() }, { action: { ...action, orders } })
}

test('a nonce is good once', async () => {
  const fields = { action: order(), nonce: nonce() }
  expect(await sign(fields)).toMatchObject({ accepted: true })
  const again = await sign({ ...fields, action: order() })
  expect(again.text).toContain(`Invalid nonce: duplicate nonce ${fields.nonce}`)
  // The check is the exchange's: without it the double shows.
  await rig.control({ nonce_check: false })
  expect(await sign({ ...fields, action: order() })).toMatchObject({ accepted: true })
})

test('a nonce has to be within two days back and one ahead', async () => {
  const day = 86_400_000
  for (const [off, said] of [
    [-2 * day - 1_000, 'too old'],
    [day + 1_000, 'too far'],
  ] as const) {
    const { text } = await sign({ action: order(), nonce: Date.now() + off })
    expect(text).toContain(said)
  }
})

test('an action that comes after its expiry is not done, by the clock there', async () => {
  const fields = { action: order(), nonce: nonce(), expiresAfter: Date.now() + 30_000 }
  await rig.control({ clock_skew_ms: 31_000 })
  const { text, accepted } = await sign(fields)
  expect([text, accepted]).toEqual([expect.stringContaining('expired'), false])
})

test('a cloid is taken once, or as often as it comes, as the test wants', async () => {
  const action = order()
  await sign({ action, nonce: nonce() })
  expect((await sign({ action, nonce: nonce() })).text).toContain('Cloid already used.')
  await rig.control({ cloid_check: false })
  expect(await sign({ action, nonce: nonce() })).toMatchObject({ accepted: true })
})

test.each([
  ['no JSON', '{'],
  ['no action', { nonce: 1 }],
  [
    'an unknown action',
    { action: { type: 'withdraw3' }, nonce: 1, signature: { r: '0x1', s: '0x1', v: 27 } },
  ],
  [
    'a fraction as nonce',
    { action: { type: 'noop' }, nonce: 1.5, signature: { r: '0x1', s: '0x1', v: 27 } },
  ],
])('%s is refused with 422, in words', async (_what, body) => {
  const answer = await rig.post('/exchange', body)
  expect([answer.status, await answer.text()]).toEqual([
    422,
    expect.stringContaining('deserialize'),
  ])
})
