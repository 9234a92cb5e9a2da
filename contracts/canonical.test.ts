import { describe, expect, it } from 'vitest'

import { canonicalHash, canonicalJson } from './canonical.ts'

/** The same letter in two parts, and as one. */
const PARTS = 'e\u0301'
const ONE = '\u00e9'

describe('canonical JSON', () => {
  it.each([
    [{ b: 1, a: [true, null, 'x'] }, '{"a":[true,null,"x"],"b":1}'],
    [{ a: undefined, b: { c: undefined } }, '{"b":{}}'],
    [{ [PARTS]: PARTS, z: 1 }, `{"z":1,"${ONE}":"${ONE}"}`],
    [['plain', PARTS, { deep: [PARTS] }], `["plain","${ONE}",{"deep":["${ONE}"]}]`],
    [JSON.parse('{"__proto__":{"a":1},"b":2}'), '{"__proto__":{"a":1},"b":2}'],
    [JSON.parse(`{"__proto__":"${PARTS}","b":2}`), `{"__proto__":"${ONE}","b":2}`],
    [Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
    [new Date(0), '{}'],
    [1e21, '1e+21'],
  ])('%j', (value, text) => expect(canonicalJson(value)).toBe(text))

  it('leaves what it was given as it was', () => {
    const given = { list: [PARTS, 'x'], kept: { a: undefined, b: PARTS } }
    canonicalJson(given)
    expect(given).toEqual({ list: [PARTS, 'x'], kept: { a: undefined, b: PARTS } })
    expect('a' in given.kept).toBe(true)
  })

  it('is one for what says the same', () => {
    expect(canonicalHash({ a: PARTS, b: 1 })).toBe(canonicalHash({ b: 1, a: ONE }))
  })

  const nested = (levels: number): unknown =>
    levels === 0 ? PARTS : { list: [nested(levels - 2)], beside: 'x' }

  it('takes 64 levels, in no more steps than there are, and no more', () => {
    expect(canonicalJson(nested(64))).toContain(ONE)
    expect(() => canonicalJson(nested(66))).toThrow(/nested deeper/)
  })

  it.each([
    [undefined, /no JSON value/],
    [{ a: Number.NaN }, /not finite/],
    [['\ud800'], /half of a surrogate/],
    [{ '\ud800': 1 }, /half of a surrogate/],
    [{ [PARTS]: 1, [ONE]: 2 }, /one after NFC/],
    [{ [ONE]: 1, x: 1, [PARTS]: 2 }, /one after NFC/],
  ])('refuses %j', (value, why) => expect(() => canonicalJson(value)).toThrow(why))
})
