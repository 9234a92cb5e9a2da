import { describe, expect, test } from 'vitest'

import { checksummed, parseAddress } from './address.ts'
import { decodeRlp, encodeRlp, integerBytes } from './rlp.ts'
import { parseSigned } from './transaction.ts'

describe('an address', () => {
  // ERC-55's own examples.
  test.each([
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
    '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
    '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
  ])('%s has the right checksum', (text) => {
    const address = parseAddress(text)
    expect(address).toBe(text.toLowerCase())
    expect(checksummed(address ?? '0x')).toBe(text)
  })

  test.each([
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD',
    '5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
    '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAe',
    '0x',
    '',
  ])('%s is none', (text) => {
    expect(parseAddress(text)).toBeUndefined()
  })
})

describe('RLP', () => {
  // ethereum.org's examples.
  test.each([
    [Buffer.from('dog'), '83646f67'],
    [[Buffer.from('cat'), Buffer.from('dog')], 'c88363617483646f67'],
    [Buffer.alloc(0), '80'],
    [[], 'c0'],
    [integerBytes(0n), '80'],
    [integerBytes(15n), '0f'],
    [integerBytes(1024n), '820400'],
    [[[], [[]], [[], [[]]]], 'c7c0c1c0c3c0c1c0'],
  ])('of %o is %s, and back', (item, hex) => {
    expect(encodeRlp(item).toString('hex')).toBe(hex)
    expect(encodeRlp(decodeRlp(Buffer.from(hex, 'hex'))).toString('hex')).toBe(hex)
  })

  // Cut off, bytes behind, a byte in the long form, a length with a leading zero, too deep.
  test.each(['83646f', '83646f6700', '8101', 'b80161', 'b90001ff', '', 'c1'.repeat(20)])(
    '%s is refused',
    (hex) => {
      expect(() => decodeRlp(Buffer.from(hex, 'hex'))).toThrow(RangeError)
    },
  )
})

test.each(['', '02', '02c0', '01c0', '02f8', `02${'f'.repeat(64)}`])(
  'a transaction of the bytes %s is refused',
  (hex) => {
    expect(() => parseSigned(Buffer.from(hex, 'hex'))).toThrow(RangeError)
  },
)
