import { afterEach, beforeEach, expect, test } from 'vitest'

import { TradingRig } from '../testing/trading-rig.ts'

let rig: TradingRig
beforeEach(() => {
  rig = new TradingRig()
})
afterEach(async () => rig[Symbol.asyncDispose]())

/** Worth about 490 dollars; 1,500 of 10,000 may stand in one market. */
const RESTING = {
  symbol: 'BTC',
  side: 'buy',
  size: '0.01',
  price: '49000',
  tif: 'gtc',
  reduce_only: false,
} as const
const EXIT = { ...RESTING, side: 'sell', size: '0.001', tif: 'ioc', reduce_only: true } as const

test('levels 2 to 4 let exits through, 5 lets nothing, and cancels always pass', async () => {
  await rig.open()
  await rig.call('place_order', { ...RESTING, price: '50500', tif: 'ioc' })
  const resting = await Promise.all(
    [0, 1, 2, 3].map(async (n) => {
      const order = { ...EXIT, tif: 'gtc', price: String(60_000 + n * 100) }
      return rig.call('place_order', order)
    }),
  )
  for (const level of [2, 3, 4, 5]) {
    expect(await rig.call('raise_kill', { level, reason: 'a test' })).toMatchObject({
      status: 'OK',
      kill_level: level,
      raised: true,
    })
    expect(await rig.call('place_order', RESTING)).toMatchObject({ code: 'KILL_LEVEL' })
    const exit = await rig.call('place_order', EXIT)
    expect(exit.status).toBe(level < 5 ? 'CONFIRMED' : 'NONE')
    const close = { symbol: 'BTC', size: '0.001', price: '49000' }
    const closed = await rig.call('close_position', close)
    expect(closed.status).toBe(level < 5 ? 'CONFIRMED' : 'NONE')
    const id = resting.pop()?.['order_id']
    const cancelled = await rig.call('cancel_order', { symbol: 'BTC', order_id: id })
    expect(cancelled).toMatchObject({ status: 'CONFIRMED', cancelled: 1 })
  }
})

test('it only rises, survives a restart, and level 1 halves the room', async () => {
  await rig.open()
  await rig.call('raise_kill', { level: 1, reason: 'a test' })
  expect(await rig.call('place_order', RESTING)).toMatchObject({ status: 'CONFIRMED' })
  expect(await rig.call('place_order', RESTING)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  await rig.call('raise_kill', { level: 3, reason: 'a test' })
  const lower = await rig.call('raise_kill', { level: 1, reason: 'a test' })
  expect(lower).toMatchObject({ kill_level: 3, raised: false })
  await rig.restart()
  expect(await rig.call('get_mode')).toMatchObject({ kill_level: 3, kill_reason: 'a test' })
  for (const level of [0, -1, 6, 1.5]) {
    const said = await rig.call('raise_kill', { level, reason: 'a test' })
    expect(said).toMatchObject({ code: 'INPUT_INVALID' })
  }
})

test('only the operator lowers it, through the control port', async () => {
  await rig.open()
  const { kill } = rig.server.control
  const to = { reason: 'looked into it', actor: 'ann' }
  await rig.call('raise_kill', { level: 4, reason: 'a test' })
  expect(() => kill.set({ ...to, level: 0, mayLower: false })).toThrow(/operator's own token/)
  expect(kill.show().level).toBe(4)
  expect(kill.set({ ...to, level: 0, mayLower: true })).toMatchObject({
    level: 0,
    history: [
      { level: 0, reason: 'looked into it', actor: 'ann' },
      { level: 4, actor: 'someone' },
    ],
  })
  expect(await rig.call('place_order', RESTING)).toMatchObject({ status: 'CONFIRMED' })
})

test('a restricted symbol is refused in any spelling, but for a way out', async () => {
  await rig.open()
  const order = { ...RESTING, price: '20', size: '10' }
  for (const symbol of ['HYPE', 'hype', 'kLUNA', 'LUNA/USDC', 'USDT', 'xyz:FTT']) {
    const said = await rig.call('place_order', { ...order, symbol })
    expect(said).toMatchObject({ status: 'NONE', code: 'SYMBOL_RESTRICTED', isError: true })
  }
  const exit = { ...order, symbol: 'HYPE', reduce_only: true, side: 'sell' }
  expect(await rig.call('place_order', exit)).toMatchObject({ code: 'UPSTREAM_REJECTED' })
  expect(rig.exchange.record().filter(({ path }) => path === '/exchange')).toHaveLength(1)
})

test('a refusal under a grant is a tombstone: this round never acts', async () => {
  rig.grants = 'required'
  await rig.open()
  const args = { ...RESTING, size: '0.1' }
  const { jws } = await rig.grant('place_order', args)
  const refused = { status: 'VOID', code: 'LIMIT_EXCEEDED', mode: 'paper' }
  expect(await rig.callGranted('place_order', args, jws)).toMatchObject(refused)
  expect(await rig.callGranted('place_order', args, jws)).toMatchObject(refused)
  expect(await rig.call('place_order', args)).toMatchObject({ code: 'GRANT_REQUIRED' })
  // The brake asks for no grant.
  expect(await rig.call('raise_kill', { level: 2, reason: 'x' })).toMatchObject({ kill_level: 2 })
})
