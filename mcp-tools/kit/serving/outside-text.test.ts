import { expect, test } from 'vitest'

import { cleanTexts, outsideText, OutsideText, plainText } from './outside-text.ts'

const shown = (text: string): string => outsideText(text, 1_000).text

test.each([
  ['colours of a terminal', '\u001B[31mred\u001B[0m', 'red'],
  ['a C1 control sequence', '\u009B2Jcleared', 'cleared'],
  ['a link of a terminal', '\u001B]8;;https://evil.example\u0007click\u001B]8;;\u0007', 'click'],
  ['a title of a terminal, ended by ST', '\u001B]0;title\u001B\\text', 'text'],
  ['an escape without an end', 'text\u001B[38;5', 'text'],
  ['NUL, bell and backspace', 'a\0b\u0007c\bd', 'abcd'],
  [
    'an override of direction',
    'access_level != "user\u202E \u2066// only\u2069',
    'access_level != "user // only',
  ],
  ['spaces of no width', 'pay\u200Bload\uFEFF', 'payload'],
  ['half a surrogate pair', 'a\uD800b\uDC00c', 'a\uFFFDb\uFFFDc'],
  ['a text hidden in tags', 'hello\u{E0001}\u{E0069}\u{E0067}\u{E006E}', 'hello'],
  ['a text hidden in variation selectors', 'hi\u{E0100}\u{E0101}', 'hi'],
  ['line separators', 'a\u2028b\u2029c\r\nd\re', 'a\nb\nc\nd\ne'],
])('%s go', (_title, hostile, clean) => {
  expect(shown(hostile)).toBe(clean)
})

test.each([
  ['line ends and tabs', 'one\n\ttwo'],
  ['a family joined of emoji', '👨‍👩‍👧'],
  ['Persian with its joiner', 'می‌خواهم'],
  ['Hebrew', 'שלום'],
  ['a heart with its variation selector', '❤️'],
])('%s stay', (_title, text) => {
  expect(shown(text)).toBe(text)
})

test('a text is cut to its length, never in the middle of a pair, and says so', () => {
  expect(outsideText('a'.repeat(10), 10)).toEqual({
    untrusted: true,
    text: 'a'.repeat(10),
    truncated: false,
  })
  expect(outsideText('a'.repeat(11), 10)).toMatchObject({ text: 'aaaaaaaaa…', truncated: true })
  const emoji = outsideText('😀'.repeat(10), 10)
  expect(emoji).toMatchObject({ text: '😀😀😀😀…', truncated: true })
  expect(emoji.text.isWellFormed()).toBe(true)
  expect(OutsideText.parse(emoji)).toEqual(emoji)
})

test('an escape cannot be put together out of what is left', () => {
  // Taking out the inner one must not leave an outer one.
  const nested = '\u001B\u001B[31m[31mred \u001B\u0000[2J'
  // oxlint-disable-next-line no-control-regex
  expect(plainText(nested, 1_000)).not.toMatch(/[\u0000-\u0008\u001B\u0080-\u009F]/)
})

test('every text of a result is cleaned, and nothing else is touched', () => {
  const hostile = '\u001B[2Jx\u202E'
  expect(
    cleanTexts({ a: hostile, b: [hostile, 1, null, true], c: { [hostile]: hostile } }),
  ).toEqual({ a: 'x', b: ['x', 1, null, true], c: { x: 'x' } })
})
