import { baseSymbol } from '@chimera/contracts/policy/base-symbol'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { exposureRefusal, worstOf, type Exposure, type Offer } from './exposure.ts'
import { DEFAULT_RESTRICTED, restrictedOf, restrictionOn } from './restricted-symbols.ts'
import { limitsOf } from './trading-limits.ts'

const usd = (dollars: number): bigint => BigInt(dollars) * 1_000_000n
const buy = (dollars: number, symbol = 'BTC'): Offer => ({
  symbol,
  isBuy: true,
  notionalMicros: usd(dollars),
})
const sell = (dollars: number, symbol = 'BTC'): Offer => ({ ...buy(dollars, symbol), isBuy: false })
const empty: Exposure = { equityMicros: usd(10_000), holdings: [], offers: [] }
const refuse = (candidate: Offer, exposure: Partial<Exposure> = {}, killLevel = 0) =>
  exposureRefusal(candidate, {
    exposure: { ...empty, ...exposure },
    limits: limitsOf({}),
    killLevel,
  })?.code

describe('the ceilings', () => {
  test('15 % of the equity in one position, to the micro', () => {
    expect(refuse(buy(1_500))).toBeUndefined()
    expect(refuse({ ...buy(1_500), notionalMicros: usd(1_500) + 1n })).toBe('LIMIT_EXCEEDED')
  })

  test('count what is held, what rests and what is on its way', () => {
    const holdings = [{ symbol: 'BTC', notionalMicros: usd(700) }]
    expect(refuse(buy(300), { holdings, offers: [buy(500)] })).toBeUndefined()
    expect(refuse(buy(301), { holdings, offers: [buy(500)] })).toBe('LIMIT_EXCEEDED')
    // Sells do not make room for buys: they may never be filled.
    expect(refuse(buy(801), { holdings, offers: [sell(700)] })).toBe('LIMIT_EXCEEDED')
  })

  test('hold for shorts alike, and for a turn through zero', () => {
    const holdings = [{ symbol: 'BTC', notionalMicros: usd(1_000) }]
    expect(refuse(sell(2_500), { holdings })).toBeUndefined()
    expect(refuse(sell(2_501), { holdings })).toBe('LIMIT_EXCEEDED')
  })

  test('3x in all', () => {
    const symbols = Array.from({ length: 20 }, (_, index) => `C${index}`)
    const holdings = symbols.map((symbol) => ({ symbol, notionalMicros: usd(1_450) }))
    expect(refuse(buy(1_000), { holdings })).toBeUndefined()
    expect(refuse(buy(1_001), { holdings })).toBe('LIMIT_EXCEEDED')
  })

  test('let pass what does not add, even far above them, and nothing without equity', () => {
    const holdings = [{ symbol: 'BTC', notionalMicros: usd(9_000) }]
    expect(refuse(sell(9_000), { holdings })).toBeUndefined()
    expect(refuse(buy(10), { holdings })).toBe('LIMIT_EXCEEDED')
    expect(refuse(buy(10), { equityMicros: 0n })).toBe('LIMIT_EXCEEDED')
    expect(refuse(buy(10), { equityMicros: -1n })).toBe('LIMIT_EXCEEDED')
  })

  test('cannot be configured away, only tightened', () => {
    const wide = limitsOf({ maxPositionBps: 10_000n, maxLeverageHundredths: 5_000n })
    expect(wide).toEqual({ maxPositionBps: 1_500n, maxLeverageHundredths: 300n })
    expect(limitsOf({ maxPositionBps: 500n }).maxPositionBps).toBe(500n)
  })

  test('an order may have a limit of its own', () => {
    const limits = limitsOf({ maxOrderMicros: usd(100) })
    const ask = (dollars: number) =>
      exposureRefusal(buy(dollars), { exposure: empty, limits, killLevel: 0 })
    expect(ask(100)).toBeUndefined()
    expect(ask(101)).toMatchObject({ code: 'LIMIT_EXCEEDED' })
  })

  test('whatever is let through one after another, no order of fills goes above them', () => {
    const offer = fc.record({
      symbol: fc.constantFrom('BTC', 'ETH', 'SOL'),
      isBuy: fc.boolean(),
      notionalMicros: fc.bigInt({ min: 1n, max: usd(2_000) }),
    })
    fc.assert(
      fc.property(fc.array(offer, { maxLength: 40 }), fc.func(fc.boolean()), (asked, isFilled) => {
        const passed: Offer[] = []
        for (const each of asked) {
          const exposure = { ...empty, offers: passed }
          const limits = limitsOf({})
          if (exposureRefusal(each, { exposure, limits, killLevel: 0 }) === undefined) {
            passed.push(each)
          }
        }
        for (const symbol of ['BTC', 'ETH', 'SOL']) {
          const filled = passed.filter((each) => each.symbol === symbol && isFilled(each))
          const held = filled.reduce(
            (sum, each) => sum + (each.isBuy ? each.notionalMicros : -each.notionalMicros),
            0n,
          )
          expect(held <= usd(1_500) && held >= -usd(1_500)).toBe(true)
          expect(worstOf(symbol, { ...empty, offers: passed }) <= usd(1_500)).toBe(true)
        }
      }),
    )
  })
})

describe('the kill level', () => {
  test('CAUTION halves the room for a position and for an order', () => {
    expect(refuse(buy(750), {}, 1)).toBeUndefined()
    expect(refuse(buy(751), {}, 1)).toBe('LIMIT_EXCEEDED')
  })
})

describe('restricted symbols', () => {
  const restricted = restrictedOf(DEFAULT_RESTRICTED)
  test.each([
    'LUNA',
    'luna',
    'kLUNA',
    'LUNA-PERP',
    'LUNA/USDC',
    'xyz:LUNA',
    'ＬＵＮＡ',
    'FTT',
    'usdt',
  ])('%s is refused in whatever spelling, but for a way out', (symbol) => {
    expect(restrictionOn(symbol, { restricted, isExit: false })?.code).toBe('SYMBOL_RESTRICTED')
    expect(restrictionOn(symbol, { restricted, isExit: true })).toBeUndefined()
  })

  test.each(['BTC', 'LUNC', 'KAS', 'kPEPE'])('%s is not', (symbol) => {
    expect(restrictionOn(symbol, { restricted, isExit: false })).toBeUndefined()
  })

  test('an empty list restricts nothing, and a k before small letters is a name', () => {
    expect(restrictedOf(' , ').size).toBe(0)
    expect(baseSymbol('kas')).toBe('KAS')
  })
})
