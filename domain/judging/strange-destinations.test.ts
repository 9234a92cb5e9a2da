import { expect, test } from 'vitest'

import { openRegistry } from './registry.ts'
import { strangeDestinations } from './strange-destinations.ts'

const registry = openRegistry([
  { kind: 'domain', name: 'site', version: 1, value: 'example.com' },
  { kind: 'url', name: 'docs', version: 1, value: 'docs.example.org/start' },
  { kind: 'handle', name: 'us', version: 1, value: 'chimera' },
  { kind: 'address', name: 'alice', version: 1, value: `0x${'ab'.repeat(20)}` },
])
const from = (text: string, trust: 'owner' | 'untrusted' = 'owner') => ({ goal: { text }, trust })
const strange = (text: string, words = 'x', trust: 'owner' | 'untrusted' = 'owner') =>
  strangeDestinations(text, from(words, trust), registry).map(({ canonical }) => canonical)

test('a host of the registry allows its pages, and no host that only looks like it', () => {
  expect(strange('https://example.com/a?b#c and EXAMPLE.com')).toEqual([])
  expect(strange('https://example.com.evil.net')).toContain('example.com.evil.net')
  expect(strange('https://example.com@evil.net')).not.toEqual([])
  expect(strange('sub.example.com')).toEqual(['sub.example.com'])
})

test('a link of the registry allows itself only', () => {
  expect(strange('https://docs.example.org/start')).toEqual([])
  expect(strange('https://docs.example.org/start/2')).toEqual(['docs.example.org/start/2'])
})

test('spellings of one place are one place', () => {
  expect(strange('HTTP://Bücher.example.COM:80/', 'xn--bcher-kva.example.com')).toEqual(
    expect.not.arrayContaining(['xn--bcher-kva.example.com']),
  )
  expect(strange('@Chimera')).toEqual([])
  expect(strange(`0x${'AB'.repeat(20)}`)).toEqual([])
  expect(strange('$btc', 'about $BTC')).toEqual([])
})

test('words of strangers allow nothing', () => {
  expect(strange('see evil.com', 'tell them of evil.com')).toEqual([])
  expect(strange('see evil.com', 'tell them of evil.com', 'untrusted')).toEqual(['evil.com'])
})

test('what the owner hid in his words is not allowed in plain', () => {
  expect(strange('see evil.com', 'see e\u200Bvil.com')).toEqual(['evil.com'])
})
