import { expect, test } from 'vitest'

import {
  canonicalText,
  checkText,
  findLinks,
  MAX_TEXT_UNITS,
  normalisedText,
} from './tweet-text.ts'

test.each([
  ['字'.repeat(140), 280],
  ['👨‍👩‍👧‍👦'.repeat(140), 280],
  ['example.com', 23],
  ['cafe\u0301', 4],
  ['a'.repeat(280), 280],
])('%# weighs what X says', (text, weightedLength) => {
  expect(checkText(text)).toMatchObject({ isValid: true, weightedLength })
})

test.each([
  ['字'.repeat(141), 'TEXT_TOO_LONG'],
  ['a'.repeat(281), 'TEXT_TOO_LONG'],
  ['a'.repeat(MAX_TEXT_UNITS + 1), 'TEXT_TOO_LONG'],
  ['', 'INPUT_INVALID'],
  [' \n ', 'INPUT_INVALID'],
  ['a\uFFFEb', 'INPUT_INVALID'],
  ['\ud83d', 'INPUT_INVALID'],
])('%# is not taken', (text, code) => {
  expect(checkText(text)).toMatchObject({ isValid: false, code })
})

test('the canonical form is NFC, trimmed and stable', () => {
  expect(canonicalText(' cafe\u0301\r\nx\ry \n')).toBe('café\nx\ny')
  expect(canonicalText(canonicalText(' e\u0301 '))).toBe('é')
})

test('what differs in white space only has one normalised form', () => {
  expect(normalisedText('a  b\n\nc ')).toBe(normalisedText(' a b c'))
  expect(normalisedText('a b')).not.toBe(normalisedText('ab'))
})

test('bare domains are links, mail addresses are not', () => {
  const text = 'see example.com, not me@example.com'
  expect(findLinks(text)).toEqual([{ url: 'example.com', start: 4, end: 15 }])
  expect(checkText(text)).toMatchObject({ hasLink: true })
  expect(checkText('no link')).toMatchObject({ hasLink: false })
})
