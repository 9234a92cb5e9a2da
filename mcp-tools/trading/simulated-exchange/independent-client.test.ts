import { ApiRequestError, ExchangeClient, HttpTransport, InfoClient } from '@nktkas/hyperliquid'
import { signL1Action } from '@nktkas/hyperliquid/signing'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { openAgentWallet } from '../hyperliquid/signing/agent-wallet.ts'
import { ExchangeRig, TEST_KEY } from './testing/exchange-rig.ts'
import { typedDataWallet } from './testing/typed-data-wallet.ts'

/**
 * A client that others wrote for the real exchange: what it signs and reads holds both our sides to
 * something that is not ours.
 */
const rig = new ExchangeRig()
const wallet = typedDataWallet(TEST_KEY)
let exchange: ExchangeClient
let info: InfoClient
beforeAll(async () => {
  await rig.open()
  await rig.control({ prices: { BTC: '50000' } })
  const transport = new HttpTransport({ apiUrl: rig.url, isTestnet: true })
  exchange = new ExchangeClient({ transport, wallet })
  info = new InfoClient({ transport })
})
afterAll(async () => rig[Symbol.asyncDispose]())

const hex = (text: string): `0x${string}` => `0x${text.slice(2)}`

const limit = (p: string, tif: 'Gtc' | 'Ioc') => ({
  orders: [{ a: 0, b: true, p, s: '0.001', r: false, t: { limit: { tif } }, c: hex(rig.cloid()) }],
  grouping: 'na' as const,
})

test('it signs what our signer signs, bit for bit, on both networks', async () => {
  const action = { type: 'cancel', cancels: [{ a: 0, o: 141_682_155_424 }] }
  for (const chain of ['mainnet', 'testnet'] as const) {
    const fields = { action, nonce: 1_755_863_118_217, expiresAfter: 1_755_863_148_217 }
    const theirs = await signL1Action({ wallet, ...fields, isTestnet: chain === 'testnet' })
    expect(openAgentWallet(TEST_KEY, chain).sign(fields)).toEqual(theirs)
  }
})

test('it trades with our exchange, and reads what became of it', async () => {
  const { response } = await exchange.order(limit('50500', 'Ioc'))
  expect(response.data.statuses).toMatchObject([{ filled: { totalSz: '0.001', avgPx: '50005' } }])
  const order = limit('45000', 'Gtc')
  await exchange.order(order, { expiresAfter: Date.now() + 5_000 })
  const [named] = order.orders
  const user = hex(rig.account)
  const status = await info.orderStatus({ user, oid: named?.c ?? '0x' })
  expect(status).toMatchObject({ status: 'order', order: { status: 'open' } })
  await exchange.cancelByCloid({ cancels: [{ asset: 0, cloid: named?.c ?? '0x' }] })
  expect(await info.openOrders({ user })).toEqual([])
  expect(await info.userFills({ user })).toHaveLength(1)
  expect((await info.clearinghouseState({ user })).assetPositions).toHaveLength(1)
  await exchange.updateLeverage({ asset: 0, isCross: true, leverage: 3 })
  const [meta, contexts] = await info.metaAndAssetCtxs()
  expect(meta.universe).toHaveLength(contexts.length)
})

test('it changes an order, cancels it by its id, and sets what is not an order', async () => {
  const user = hex(rig.account)
  const { orders } = limit('44000', 'Gtc')
  const [first] = orders
  if (first === undefined) throw new Error('There is one order.')
  await exchange.order({ orders, grouping: 'na' })
  await exchange.modify({ oid: first.c, order: { ...first, p: '43000' } })
  const [open] = await info.openOrders({ user })
  expect(open).toMatchObject({ limitPx: '43000', cloid: first.c })
  await exchange.cancel({ cancels: [{ a: 0, o: open?.oid ?? 0 }] })
  expect(await info.openOrders({ user })).toEqual([])
  await exchange.noop({ nonce: Date.now() + 1_000 })
  await expect(exchange.scheduleCancel({ time: Date.now() + 60_000 })).rejects.toThrow(
    /enough volume traded/u,
  )
  const isolated = exchange.updateLeverage({ asset: 0, isCross: false, leverage: 3 })
  await expect(isolated).rejects.toThrow(/not simulated/u)
})

test('it is told no as by the real one', async () => {
  const stranger = typedDataWallet(`0x${'9'.repeat(64)}`)
  const transport = new HttpTransport({ apiUrl: rig.url, isTestnet: true })
  const other = new ExchangeClient({ transport, wallet: stranger })
  await expect(other.order(limit('50500', 'Ioc'))).rejects.toThrow(/does not exist/u)
  const failed = exchange.order(limit('40000', 'Ioc'))
  await expect(failed).rejects.toBeInstanceOf(ApiRequestError)
  await expect(failed).rejects.toThrow(/could not immediately match/u)
})
