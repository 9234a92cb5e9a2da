import fc from 'fast-check'
import { expect, test } from 'vitest'

import { parseJson } from './parse-json.ts'

test('what is JSON comes out as JSON.parse has it', () => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 8 }), (text) => {
      fc.pre(!text.includes('__proto__'))
      expect(parseJson(text)).toEqual(JSON.parse(text))
    }),
  )
})

test.each([
  ['{"a":1,"a":2}'],
  ['{"a":1,"\\u0061":2}'],
  ['[{"b":{"a":1,"c":[1,{}],"a":2}}]'],
  ['{ "a" : 1 , "a" : 1 }'],
])('the same key twice is refused: %s', (text) => {
  expect(() => parseJson(text)).toThrow('the same key twice')
})

test.each([
  ['{"a":{"a":{"a":1}}}'],
  ['[{"a":1},{"a":2}]'],
  ['{"a":"{\\"a\\":1,\\"a\\":2}","b":"a"}'],
  ['{"a:":1,"a":":"}'],
])('equal keys at other places are fine: %s', (text) => {
  expect(parseJson(text)).toEqual(JSON.parse(text))
})

test.each(['{"__proto__":1}', '[{"a":{"\\u005f_proto__":{}}}]'])(
  'a key that schemas read over is refused: %s',
  (text) => {
    expect(() => parseJson(text)).toThrow('some readers see')
  },
)

test('a tower of brackets is refused, not climbed', () => {
  expect(() => parseJson('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('nested deeper')
  expect(parseJson('['.repeat(64) + ']'.repeat(64))).toBeDefined()
})

test.each(['', '{', '{"a":}', 'undefined', "{'a':1}"])('no JSON: %j', (text) => {
  expect(() => parseJson(text)).toThrow('not JSON')
})
