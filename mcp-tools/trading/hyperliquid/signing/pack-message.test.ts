import { expect, test } from 'vitest'

import { packMessage, type Packable } from './pack-message.ts'

// By the tables of the MessagePack specification.
test.each<[Packable, string]>([
  [null, 'c0'],
  [true, 'c3'],
  [false, 'c2'],
  [0, '00'],
  [127, '7f'],
  [128, 'cc80'],
  [255, 'ccff'],
  [256, 'cd0100'],
  [65_535, 'cdffff'],
  [65_536, 'ce00010000'],
  [4_294_967_295, 'ceffffffff'],
  // An order id of today: a library that takes it for a float signs for somebody else.
  [4_294_967_296, 'cf0000000100000000'],
  [141_682_155_424, 'cf00000020fcea1fa0'],
  ['', 'a0'],
  ['é', 'a2c3a9'],
  ['x'.repeat(31), `bf${'78'.repeat(31)}`],
  ['x'.repeat(32), `d920${'78'.repeat(32)}`],
  ['x'.repeat(256), `da0100${'78'.repeat(256)}`],
  [[], '90'],
  [Array.from({ length: 16 }, () => 1), `dc0010${'01'.repeat(16)}`],
  [{ b: 1, a: [2] }, '82a16201a1619102'],
])('packs %j', (value, bytes) => expect(packMessage(value).toString('hex')).toBe(bytes))

test.each<[string, Packable]>([
  ['a fraction', 0.5],
  ['a negative number', -1],
  ['an unsafe number', 2 ** 53],
  ['not a number', Number.NaN],
  ['a key that JavaScript would move', { b: 1, 1: 2 }],
  ['a bottomless list', deepList(20)],
])('%s is nothing that an action holds', (_what, value) =>
  expect(() => packMessage(value)).toThrow(RangeError),
)

function deepList(depth: number): Packable {
  return depth === 0 ? [] : [deepList(depth - 1)]
}
