import { describe, expect, it } from 'vitest'
import { z } from 'zod'

import { readCursor, writeCursor } from './cursor.ts'
import { readIdempotencyKey } from './read-key.ts'

describe('an idempotency key', () => {
  it('may stand in quotes or not', () => {
    expect(readIdempotencyKey(undefined)).toBeUndefined()
    expect(readIdempotencyKey('abc-1')).toBe('abc-1')
    expect(readIdempotencyKey('"abc-1"')).toBe('abc-1')
  })

  it('is printable and bounded', () => {
    for (const header of ['', '""', '"', 'a b', 'a"b', 'ü', 'a'.repeat(256)]) {
      expect(() => readIdempotencyKey(header)).toThrow('idempotency key')
    }
  })
})

describe('a cursor', () => {
  const Place = z.tuple([z.string()])

  it('is read as it was written', () => {
    expect(readCursor(writeCursor(['ü/+']), Place)).toEqual(['ü/+'])
  })

  it('of somebody else is refused', () => {
    for (const text of ['', 'x', '!!', writeCursor([]), writeCursor(['a', 'b'])]) {
      expect(() => readCursor(text, Place)).toThrow('next_cursor')
    }
  })
})
