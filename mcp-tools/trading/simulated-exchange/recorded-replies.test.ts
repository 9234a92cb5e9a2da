import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { fillsOf, orderOf } from '../hyperliquid/info/orders.ts'
import {
  AllMids,
  CandleSnapshot,
  ClearinghouseState,
  Fills,
  FundingHistory,
  HistoricalOrders,
  L2Book,
  Meta,
  OpenOrders,
  RateLimit,
} from '../hyperliquid/info/replies.ts'
import { ExchangeRig } from './testing/exchange-rig.ts'

/** Replies of the real exchange, 2023 and 2025 (hyperliquid-python-sdk, MIT). */
const FOLDER = resolve(import.meta.dirname, '../../../../shared/data/hyperliquid-mit/recorded')
const isThere = existsSync(FOLDER)
const Recorded = z.array(
  z.object({ request: z.looseObject({ type: z.string() }), response: z.json() }),
)
const recorded = !isThere
  ? []
  : readdirSync(FOLDER).flatMap((file) =>
      Recorded.parse(JSON.parse(readFileSync(join(FOLDER, file), 'utf8'))).map((each) => {
        return { file, ...each, type: each.request.type }
      }),
    )

const READERS: Readonly<Record<string, z.ZodType>> = {
  meta: Meta,
  allMids: AllMids,
  l2Book: L2Book,
  candleSnapshot: CandleSnapshot,
  openOrders: OpenOrders,
  frontendOpenOrders: OpenOrders,
  historicalOrders: HistoricalOrders,
  userFills: Fills,
  clearinghouseState: ClearinghouseState,
  fundingHistory: FundingHistory,
  userRateLimit: RateLimit,
}

/** Left out by the exchange since, or of grouped orders, which the simulation refuses. */
const NOT_HELD: ReadonlySet<string> = new Set(['maxTradeSzs', 'children'])

describe('what the real exchange has said', () => {
  const rig = new ExchangeRig()
  beforeEach(({ skip }) => {
    if (!isThere) skip('what was recorded is not beside this checkout')
  })
  beforeAll(async () => {
    if (!isThere) return
    await rig.open()
    await rig.control({ prices: { BTC: '50000' } })
    await rig.place()
    await rig.place({ tif: 'gtc', price: '45000' })
    const stop = { kind: 'stop', price: '40000' } as const
    await rig.place({ side: 'sell', price: '39000', reduceOnly: true, trigger: stop })
  })
  afterAll(async () => rig[Symbol.asyncDispose]())

  test.for(recorded)('$type of $file is read whole', ({ type, response }) => {
    expect(READERS[type]?.safeParse(response).error).toBeUndefined()
  })

  test.for(recorded)('$type of $file has the shape that the simulation answers', async (given) => {
    const { request, type } = given
    const user = rig.account
    const question = type === 'fundingHistory' ? { ...request, coin: 'BTC' } : { ...request }
    if ('user' in question) question['user'] = user
    if ('coin' in question) question['coin'] = 'BTC'
    if ('req' in question) {
      const endTime = Date.now()
      question['req'] = { coin: 'BTC', interval: '1h', startTime: endTime - 9_999_999, endTime }
    }
    const answer = await rig.post('/info', question)
    expect(answer.status).toBe(200)
    const said: unknown = await answer.json()
    expect(READERS[type]?.safeParse(said).error).toBeUndefined()
    expect(fieldsOf(said)).toEqual(expect.arrayContaining(fieldsOf(given.response)))
  })

  test('fills of 2023, which had no id, are told apart, and each comes once', () => {
    const fills = recorded.find(({ type }) => type === 'userFills')?.response
    const once = fillsOf(Fills.parse(fills))
    expect(once).toHaveLength(500)
    expect(fillsOf([...Fills.parse(fills), ...Fills.parse(fills)])).toEqual(once)
  })

  test('an order of 2025 that found no counterpart is rejected, a cancelled one is not', () => {
    const orders = HistoricalOrders.parse(
      recorded.find(({ type }) => type === 'historicalOrders')?.response,
    )
    const states = orders.map((each) => orderOf(each.order, each))
    expect(states[0]).toMatchObject({ state: 'rejected', venueState: 'iocCancelRejected' })
    expect(states[3]).toMatchObject({ state: 'cancelled', venueState: 'canceled', symbol: 'DYDX' })
  })
})

/** The paths of all fields, with list items and coins by one name, but for those that are gone. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value))
    return [...new Set(value.flatMap((item) => fieldsOf(item, `${path}[]`)))]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value)
    .filter(([key]) => !NOT_HELD.has(key) && !/^k?[A-Z]+$/u.test(key.slice(0, 5)))
    .flatMap(([key, item]) => [`${path}.${key}`, ...fieldsOf(item, `${path}.${key}`)])
}
