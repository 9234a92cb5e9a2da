import { mkdtempSync, rmSync, writeFileSync, readFileSync, appendFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'

import { roundPrice } from '../decimal/tick.ts'
import { openDurableEngine } from './durable-engine.ts'
import { ACCOUNT, OPTIONS, usd } from './engine-samples.ts'
import type { EngineOrder, FillRecord, Quote } from './engine-state.ts'
import { createEngine, type Engine } from './engine.ts'

const START_MS = Date.UTC(2026, 0, 5, 12)
const RUNS = 150
const MARKETS = [
  { asset: 0, szDecimals: 5, price: usd('50000') },
  { asset: 1, szDecimals: 4, price: usd('3000') },
  { asset: 2, szDecimals: 0, price: usd('0.12345') },
] as const

type Step =
  | { kind: 'place'; order: EngineOrder }
  | { kind: 'cancel'; asset: number; oid: bigint }
  | { kind: 'tick'; quotes: Quote[]; afterMs: number }

const market = fc.constantFrom(...MARKETS)
/** A price within a tenth of the market's own, in hundredths of a percent. */
const near = fc.integer({ min: 9_000, max: 11_000 })
const legal = (price: bigint, share: number, szDecimals: number): bigint =>
  roundPrice((price * BigInt(share)) / 10_000n, szDecimals, 'down') ?? 1n

const placeStep = fc
  .record({
    at: market,
    share: near,
    isBuy: fc.boolean(),
    worthUsd: fc.integer({ min: 1, max: 30_000 }),
    tif: fc.constantFrom('Gtc', 'Ioc', 'Alo'),
    reduceOnly: fc.boolean(),
    triggerShare: fc.option(near, { nil: undefined, freq: 3 }),
    tpsl: fc.constantFrom('tp', 'sl'),
    isMarket: fc.boolean(),
  })
  .map(({ at, share, worthUsd, triggerShare, tpsl, isMarket, ...rest }): Step => {
    const { asset, szDecimals, price } = at
    const priceMicros = legal(price, share, szDecimals)
    const lots = (BigInt(worthUsd) * 1_000_000n * 10n ** BigInt(szDecimals)) / price + 1n
    const order = { asset, priceMicros, lots, ...rest }
    if (triggerShare === undefined) return { kind: 'place', order }
    const trigger = { priceMicros: legal(price, triggerShare, szDecimals), tpsl, isMarket }
    return { kind: 'place', order: { ...order, trigger } }
  })
const cancelStep = fc
  .record({ asset: fc.integer({ min: 0, max: 2 }), oid: fc.bigInt({ min: 1n, max: 30n }) })
  .map((given): Step => ({ kind: 'cancel', ...given }))
const quote = fc
  .record({
    at: market,
    share: near,
    spread: fc.integer({ min: 1, max: 30 }),
    depthUsd: fc.integer({ min: 1, max: 20_000 }),
    levels: fc.integer({ min: 0, max: 4 }),
    swing: fc.integer({ min: 0, max: 100 }),
  })
  .map(({ at, share, spread, depthUsd, levels, swing }): Quote => {
    const { asset, szDecimals, price } = at
    const side = (way: 1 | -1) =>
      Array.from({ length: levels }, (_, index) => {
        const level = legal(price, share + way * spread * (index + 1), szDecimals)
        const lots = (BigInt(depthUsd) * 1_000_000n * 10n ** BigInt(szDecimals)) / price + 1n
        return [level, lots] as const
      })
    return {
      asset,
      bids: side(-1),
      asks: side(1),
      markMicros: legal(price, share, szDecimals),
      oracleMicros: legal(price, share + 1, szDecimals),
      lowMicros: legal(price, share - swing, szDecimals),
      highMicros: legal(price, share + swing, szDecimals),
    }
  })
const tickStep = fc
  .record({
    quotes: fc.array(quote, { minLength: 1, maxLength: 3 }),
    afterMs: fc.integer({ min: 1, max: 7_200_000 }),
  })
  .map((given): Step => ({ kind: 'tick', ...given }))
const steps = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: placeStep },
    { weight: 1, arbitrary: cancelStep },
    { weight: 4, arbitrary: tickStep },
  ),
  { minLength: 1, maxLength: 60 },
)

/** Plays the steps; `look` sees each of them with what the exchange had said before. */
function play(engine: Engine, given: readonly Step[], look: (step: Step, at: Seen) => void): void {
  let atMs = START_MS
  for (const step of given) {
    const before = engine.fills(ACCOUNT).length
    const heldBefore = holdings(engine)
    if (step.kind === 'tick') {
      atMs += step.afterMs
      engine.tick({ quotes: step.quotes, atMs })
    } else if (step.kind === 'cancel') {
      engine.cancel({ account: ACCOUNT, asset: step.asset, name: { oid: step.oid }, atMs })
    } else engine.place({ account: ACCOUNT, order: step.order, atMs })
    look(step, { fills: engine.fills(ACCOUNT).slice(before), heldBefore })
  }
}
type Seen = { fills: readonly FillRecord[]; heldBefore: ReadonlyMap<number, bigint> }

function holdings(engine: Engine): Map<number, bigint> {
  return new Map(engine.account(ACCOUNT).positions.map(({ asset, lots }) => [asset, lots]))
}

const signed = ({ isBuy }: FillRecord, value: bigint): bigint => (isBuy ? value : -value)
const valueOf = ({ asset, priceMicros, lots }: FillRecord): bigint =>
  (priceMicros * lots) / 10n ** BigInt(OPTIONS.markets[asset]?.szDecimals ?? 0)
const sum = (values: readonly bigint[]): bigint => values.reduce((left, right) => left + right, 0n)

test('no micro and no lot is made or lost, whatever the order of orders and prices', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const engine = createEngine(OPTIONS)
      play(engine, given, () => {
        const fills = engine.fills(ACCOUNT)
        const account = engine.account(ACCOUNT)
        const paid = account.paidFeesMicros + account.paidFundingMicros
        const spent = sum(fills.map((fill) => signed(fill, valueOf(fill))))
        expect(account.cashMicros).toBe(OPTIONS.startingMicros - spent - paid)
        const realised = sum(fills.map(({ closedMicros }) => closedMicros))
        const unrealised = sum(account.positions.map((position) => position.unrealizedMicros))
        expect(account.equityMicros).toBe(OPTIONS.startingMicros + realised + unrealised - paid)
        for (const { asset } of MARKETS) {
          const own = fills.filter((fill) => fill.asset === asset)
          const lots = sum(own.map((fill) => signed(fill, fill.lots)))
          expect(holdings(engine).get(asset) ?? 0n).toBe(lots)
        }
      })
    }),
    { numRuns: RUNS },
  )
})

test('an order fills to its size at most, at no worse a price, for the fee of its kind', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const engine = createEngine(OPTIONS)
      play(engine, given, () => undefined)
      const byOid = Map.groupBy(engine.fills(ACCOUNT), ({ oid }) => oid)
      for (const order of engine.orders(ACCOUNT)) {
        const own = byOid.get(order.oid) ?? []
        expect(sum(own.map(({ lots }) => lots))).toBe(order.filledLots)
        expect(order.filledLots + order.lots).toBe(order.origLots)
        expect(order.status === 'filled').toBe(order.lots === 0n)
        if (order.status.endsWith('Rejected')) expect(own).toEqual([])
        for (const fill of own) {
          const { priceMicros, lots, feeMicros, crossed } = fill
          expect(lots > 0n).toBe(true)
          const isNoWorse = order.isBuy
            ? priceMicros <= order.priceMicros
            : priceMicros >= order.priceMicros
          expect(isNoWorse).toBe(true)
          if (!crossed) expect(priceMicros).toBe(order.priceMicros)
          const rate = crossed ? OPTIONS.fees.takerMillionths : OPTIONS.fees.makerMillionths
          const exact = valueOf(fill) * rate
          expect(feeMicros * 1_000_000n >= exact).toBe(true)
          expect((feeMicros - 1n) * 1_000_000n < exact).toBe(true)
        }
      }
    }),
    { numRuns: RUNS },
  )
})

test('a reduce-only order never opens, never turns and never grows a position', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const engine = createEngine(OPTIONS)
      play(engine, given, (_step, { fills, heldBefore }) => {
        const held = new Map(heldBefore)
        for (const fill of fills) {
          const before = held.get(fill.asset) ?? 0n
          const after = before + signed(fill, fill.lots)
          held.set(fill.asset, after)
          expect(fill.startLots).toBe(before)
          const order = engine.order(ACCOUNT, { oid: fill.oid })
          if (order?.reduceOnly !== true) continue
          expect(before > 0n ? after >= 0n && after < before : after <= 0n && after > before).toBe(
            true,
          )
        }
      })
    }),
    { numRuns: RUNS },
  )
})

test('one quote is not sold twice', () => {
  fc.assert(
    fc.property(steps, (given) => {
      const engine = createEngine(OPTIONS)
      const offered = new Map<number, Quote>()
      const taken = new Map<string, bigint>()
      play(engine, given, (step, { fills }) => {
        if (step.kind === 'tick') {
          for (const each of step.quotes) {
            offered.set(each.asset, each)
            for (const key of taken.keys()) if (key.startsWith(`${each.asset}:`)) taken.delete(key)
          }
        }
        for (const { asset, isBuy, priceMicros, lots, crossed, isLiquidation } of fills) {
          if (!crossed || isLiquidation) continue
          const key = `${asset}:${isBuy}:${priceMicros}`
          const total = (taken.get(key) ?? 0n) + lots
          taken.set(key, total)
          const found = offered.get(asset)
          const side = (isBuy ? found?.asks : found?.bids) ?? []
          const there = sum(side.filter(([at]) => at === priceMicros).map(([, size]) => size))
          expect(total <= there).toBe(true)
        }
      })
    }),
    { numRuns: RUNS },
  )
})

const folder = mkdtempSync(path.join(tmpdir(), 'engine-'))
afterAll(() => rmSync(folder, { recursive: true }))

const imageOf = (engine: Engine): unknown => ({
  account: engine.account(ACCOUNT),
  orders: engine.orders(ACCOUNT),
  fills: engine.fills(ACCOUNT),
})

test('a life that ends anywhere, even within a line, goes on in the next', () => {
  let n = 0
  fc.assert(
    fc.property(steps, steps, fc.boolean(), (first, second, isTorn) => {
      const journalPath = path.join(folder, `${(n += 1)}.jsonl`)
      const plain = createEngine(OPTIONS)
      play(plain, first, () => undefined)
      {
        using life = openDurableEngine({ ...OPTIONS, journalPath })
        play(life, first, () => undefined)
        expect(imageOf(life)).toEqual(imageOf(plain))
      }
      if (isTorn) appendFileSync(journalPath, '{"kind":"place","acc')
      using again = openDurableEngine({ ...OPTIONS, journalPath })
      // What only quotes have moved is not kept: prices come again from the market.
      const { orders, fills } = { orders: again.orders(ACCOUNT), fills: again.fills(ACCOUNT) }
      expect({ orders, fills }).toEqual({
        orders: plain.orders(ACCOUNT),
        fills: plain.fills(ACCOUNT),
      })
      expect(again.account(ACCOUNT).cashMicros).toBe(plain.account(ACCOUNT).cashMicros)
      play(again, second, () => undefined)
    }),
    { numRuns: 40 },
  )
})

test('a journal that is not one is refused, not guessed at', () => {
  const journalPath = path.join(folder, 'broken.jsonl')
  writeFileSync(journalPath, '{"kind":"place"}\n')
  expect(() => openDurableEngine({ ...OPTIONS, journalPath })).toThrow(/account/)
  expect(readFileSync(journalPath, 'utf8')).toBe('{"kind":"place"}\n')
})
