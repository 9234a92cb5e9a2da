import { describe, expect, it } from 'vitest'

import { renderFields, renderTable } from './terminal-table.ts'
import { cut, plain, printableJson } from './terminal-text.ts'

const ESCAPE = '\u001B[31mred\u001B[0m \u009B2J \u202Eevil \u2028 \u0007 \uD800'

/** What acts on a terminal. */
// oxlint-disable-next-line no-control-regex
const ACTING = /[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2028]/

describe('text of outsiders', () => {
  it('is shown, not done', () => {
    expect(plain(ESCAPE)).not.toMatch(ACTING)
    expect(plain('\u001B[31m')).toBe(String.raw`\u{1b}[31m`)
    expect(plain('one\ntwo\tthree')).toBe('one two three')
    expect(plain('ünïcode 😀 ok')).toBe('ünïcode 😀 ok')
  })

  it('is the same JSON value all the same', () => {
    const value = { text: ESCAPE.toWellFormed(), [ESCAPE.toWellFormed()]: [ESCAPE.length] }
    expect(printableJson(value)).not.toMatch(ACTING)
    expect(JSON.parse(printableJson(value))).toEqual(value)
  })

  it('cannot break out of its column or its line', () => {
    const lines = renderTable(
      ['id', 'text'],
      [
        ['a', `x\n${ESCAPE}`],
        ['bb', null],
        ['c', 'y'.repeat(500)],
      ],
    )
    expect(lines).toHaveLength(4)
    for (const line of lines) expect(line).not.toMatch(ACTING)
    expect(lines[2]).toBe('bb  -')
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(80)
    expect(renderFields({ a: 'x\ny', gone: undefined, none: null })).toEqual(['a  x y'])
  })

  it('is never cut inside a character', () => {
    expect(cut('ab😀cd', 4)).toBe('ab\uFFFD…')
    expect(cut('short', 10)).toBe('short')
  })
})
