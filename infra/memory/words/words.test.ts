import { expect, test } from 'vitest'

import { memoryWords } from '../weaviate/memory-words.ts'
import { withConcepts } from './concepts.ts'
import { englishStem } from './english-stem.ts'

test.each([
  ['payments', 'payment'],
  ['paying', 'pay'],
  ['scheduled', 'schedul'],
  ['generously', 'generous'],
  ['stopped', 'stop'],
  ['added', 'add'],
  ['happily', 'happili'],
  ['liquidity', 'liquid'],
  ['news', 'news'],
  ['is', 'is'],
])('the stem of %s is %s', (word, stem) => {
  expect(englishStem(word)).toBe(stem)
})

test('other words for the same share a mark, and no mark is a stem', () => {
  const [refund, repay] = [withConcepts(['refund']), withConcepts(['repay'])]
  expect(refund.filter((word) => repay.includes(word))).toEqual(['~refund'])
  expect(withConcepts(['quagga'])).toEqual(['quagga'])
  expect(withConcepts(['refund', 'repay'])).toEqual(['refund', 'repay', '~refund'])
})

test('words that every text has are left out of what Weaviate compares', () => {
  expect(memoryWords('The quaggas are what WE had, and zebras.')).toBe('quagga zebra')
})
