import { describe, expect, test } from 'vitest'

import {
  canonicalAsset,
  canonicalDecimal,
  canonicalRecipient,
  canonicalTime,
  canonicalUnits,
  foldedText,
} from './canonical-values.ts'

const ADDRESS = '0x00000000000000000000000000000000000a11ce'

describe('one spelling', () => {
  test.each([
    [ADDRESS],
    ['0x00000000000000000000000000000000000A11CE'],
    ['0X00000000000000000000000000000000000a11Ce'],
    ['00000000000000000000000000000000000a11ce'],
  ])('of the address %s', (text) => {
    expect(canonicalRecipient(text)).toBe(ADDRESS)
  })

  test.each([['Alice'], ['@alice'], ['ALICE']])('of the handle %s', (text) => {
    expect(canonicalRecipient(text)).toBe('alice')
  })

  test.each([
    ['\u0430lice', 'a letter of another alphabet'],
    ['alice\u200b', 'an invisible character'],
    [' alice', 'a blank'],
    ['@@alice', 'two signs'],
    ['', 'nothing'],
    ['\u212A', 'the sign of Kelvin'],
  ])('has %s: %s, none', (text) => {
    expect(canonicalRecipient(text)).toBeUndefined()
  })

  test.each([
    ['1', 1_000_000n],
    ['1.0', 1_000_000n],
    ['1.00000000', 1_000_000n],
    ['0.000001', 1n],
    ['0.0000001', undefined],
    ['1e0', undefined],
    ['01', undefined],
    ['+1', undefined],
    ['-1', undefined],
    ['.5', undefined],
    ['5.', undefined],
    ['1,000', undefined],
    ['１', undefined],
    ['NaN', undefined],
  ])('of the amount %s', (text, micros) => {
    expect(canonicalDecimal(text, 6)).toBe(micros)
  })

  test('of base units, assets, times and text', () => {
    expect([canonicalUnits('10'), canonicalUnits('010'), canonicalUnits('1.0')]).toEqual([
      10n,
      undefined,
      undefined,
    ])
    expect([canonicalAsset('usdc'), canonicalAsset('USD\u0421')]).toEqual(['USDC', undefined])
    expect(canonicalTime('2026-11-21T12:00:00Z')).toBe(Date.UTC(2026, 10, 21, 12))
    expect(canonicalTime('2026-11-21T12:00:00+01:00')).toBeUndefined()
    expect(canonicalTime('2026-13-21T12:00:00Z')).toBeUndefined()
    expect(foldedText('ＧＩＶＥ\u200baway')).toBe('giveaway')
  })
})
