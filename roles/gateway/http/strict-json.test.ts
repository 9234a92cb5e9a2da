import { ChimeraError } from '@chimera/contracts/errors'
import { describe, expect, it } from 'vitest'

import { parseStrictJson } from './strict-json.ts'

/** What the parser throws: its code and the pointers it names. */
function refusal(text: string): { code: string; pointers: string[] } {
  try {
    parseStrictJson(text)
  } catch (error) {
    if (!(error instanceof ChimeraError)) throw error
    return { code: error.code, pointers: error.faults.map(({ pointer }) => pointer) }
  }
  throw new Error(`accepted: ${text}`)
}

describe('a strict body', () => {
  it('is what JSON.parse makes of it when there is one way to read it', () => {
    const list = String.raw`[1, {"b": "x\"{}[],\\"}]`
    const text = String.raw`{"a": ${list}, "c\/d": {"a": null}, "e": "\ud83d\ude00\n"}`
    expect(parseStrictJson(text)).toEqual(JSON.parse(text))
    for (const plain of ['1', '"a"', 'null', '[]', '{}', ' [ 1 , 2 ] ']) {
      expect(parseStrictJson(plain)).toEqual(JSON.parse(plain))
    }
  })

  it('is refused when it is no JSON, and its words are not quoted', () => {
    for (const text of ['', '{', '{"a":1}x', '{"a":1,}', "{'a':1}", '\uFEFF{}', 'NaN']) {
      expect(refusal(text).code).toBe('BODY_INVALID')
    }
  })

  it('is refused when a key is there twice, however it is spelled', () => {
    expect(refusal('{"a":1,"b":{"x":1},"a":2}').pointers).toEqual(['/a'])
    expect(refusal(String.raw`{"text":"a","\u0074ext":"b"}`).pointers).toEqual(['/text'])
    expect(refusal('[{"a":1},{"a":[{"b":1,"b":2}]}]').pointers).toEqual(['/1/a/0/b'])
    expect(parseStrictJson('[{"a":1},{"a":1}]')).toEqual([{ a: 1 }, { a: 1 }])
  })

  it('is refused with a key that is no name', () => {
    expect(refusal('{"__proto__":{"admin":true}}')).toEqual({
      code: 'BODY_INVALID',
      pointers: ['/__proto__'],
    })
  })

  it('is refused when it is nested beyond reason', () => {
    expect(refusal('['.repeat(50_000) + ']'.repeat(50_000)).code).toBe('BODY_INVALID')
  })

  it('names the text that holds control characters or half of a surrogate pair', () => {
    expect(refusal(String.raw`{"params":{"text":"a\u0000"},"x":"\ud800"}`)).toEqual({
      code: 'INPUT_INVALID',
      pointers: ['/params/text', '/x'],
    })
    expect(refusal(String.raw`{"a":["ok","\u001b[2J"]}`).pointers).toEqual(['/a/1'])
    expect(refusal(String.raw`{"a~/b":"\u007f"}`).pointers).toEqual(['/a~0~1b'])
  })

  it('stops counting faults when nobody would read on', () => {
    const many = Array.from({ length: 5_000 }, () => String.raw`"\u0001"`).join(',')
    expect(refusal(`[${many}]`).pointers.length).toBeLessThanOrEqual(32)
  })
})
