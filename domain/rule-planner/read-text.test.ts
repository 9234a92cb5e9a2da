import { ChimeraError } from '@chimera/contracts/errors'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { Intent } from './intent.ts'
import { readText, TEXT_FORMS } from './read-text.ts'

/** Any Unicode that a goal may hold, without space at its ends. */
const words = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
  .map((text) => text.trim())
  .filter((text) => text !== '')
const space = fc.string({ unit: fc.constantFrom(' ', '\n', '\t', '\r\n', '\u00A0'), maxLength: 5 })
/** A keyword in any case. */
const cased = (keyword: string) =>
  fc
    .array(fc.boolean(), { minLength: keyword.length, maxLength: keyword.length })
    .map((upper) =>
      Array.from(keyword, (char, n) => (upper[n] === true ? char.toUpperCase() : char)).join(''),
    )

describe('words of a goal', () => {
  test('reach the tweet verbatim, and the pointer says from where', () => {
    fc.assert(
      fc.property(
        space,
        cased('publish a tweet'),
        space,
        space,
        words,
        space,
        (before, keyword, gap, lead, text, after) => {
          const goal = `${before}${keyword}${gap}:${lead}${text}${after}`
          const payload = only(readText(goal))
          expect(payload).toMatchObject({ kind: 'tweet.post', text })
          expect(pointed(goal, payload, '/text')).toBe(text)
        },
      ),
    )
  })

  test('reach a reply, a question and a generic task verbatim', () => {
    fc.assert(
      fc.property(space, words, space, (before, text, after) => {
        const reply = `${before}reply to 77:${before}${text}${after}`
        expect(only(readText(reply))).toMatchObject({ in_reply_to: '77', text, slot: 'reply:77' })
        expect(pointed(reply, only(readText(reply)), '/in_reply_to')).toBe('77')
        expect(only(readText(`research:${text}${after}`))).toMatchObject({ question: text })
        expect(only(readText(`Generic : ${text}`))).toMatchObject({ text })
      }),
    )
  })

  test('name a payment by amount, asset and name as they stand', () => {
    const goal = ' Pay  12.50 USDC to  Alice Smith \n'
    const payload = only(readText(goal))
    expect(payload).toEqual({
      kind: 'wallet.transfer',
      slot: 'pay:1',
      amount: '12.50',
      asset: 'USDC',
      to: 'Alice Smith',
      origin: {
        '/amount': { source: 'goal', path: '/text', span: [6, 11] },
        '/asset': { source: 'goal', path: '/text', span: [12, 16] },
        '/to': { source: 'goal', path: '/text', span: [21, 32] },
      },
    })
    expect(pointed(goal, payload, '/to')).toBe('Alice Smith')
    expect(readText('pay 1 ETH to bob').slots[0]?.tool).toBe('transfer_native')
    expect(readText('pay 1 USDC to bob').slots[0]?.tool).toBe('transfer_erc20')
  })

  test('name symbols in any case, by space or comma', () => {
    expect(only(readText('trade scan btc, ETH  sol'))).toEqual({
      kind: 'trade.scan',
      symbols: ['BTC', 'ETH', 'SOL'],
    })
  })

  test('never ask for an effect that they do not name', () => {
    for (const goal of ['research: publish a tweet: x', 'generic: pay 1 ETH to bob', 'noop 2']) {
      expect(readText(goal).slots).toEqual([])
    }
  })
})

describe('words that are not understood', () => {
  test.each([
    ['publish a tweet:', /the text is empty/],
    ['publish a tweet:  \n ', /the text is empty/],
    ['publish a tweet hello', /understands/],
    ['republish a tweet: x', /understands/],
    ['reply to 12 hello', /no colon/],
    ['reply to abc: hello', /1 to 19 digits/],
    ['reply to 12345678901234567890: hello', /1 to 19 digits/],
    ['reply to : hello', /1 to 19 digits/],
    ['reply to 12:', /the text is empty/],
    ['pay 1 ETH bob', /an amount, an asset/],
    ['pay 1 ETH to', /an amount, an asset/],
    ['pay 1 ETH to bob\nand more', /an amount, an asset/],
    ['pay -1 ETH to bob', /plain decimal/],
    ['pay 1e3 ETH to bob', /plain decimal/],
    ['pay 1,000 ETH to bob', /plain decimal/],
    ['pay 0.00 ETH to bob', /zero/],
    ['pay 1 eth to bob', /capital letters/],
    [`pay 1 ETH to ${'b'.repeat(129)}`, /128 characters/],
    ['trade scan ,', /1 to 32 words/],
    ['trade scan b!tc', /1 to 32 words/],
    ['noop 0', /1 to 500/],
    ['noop 501', /1 to 500/],
    ['noop 1.5', /1 to 500/],
    ['noop', /understands/],
    ['research:', /the question is empty/],
    ['generic: ', /the text is empty/],
    ['', /understands/],
  ])('%j says why', (text, reason) => {
    const error = refusalOf(text)
    expect(error.code).toBe('GOAL_NOT_UNDERSTOOD')
    expect(error.message).toMatch(reason)
  })

  test('are told everything that is', () => {
    for (const form of TEXT_FORMS) expect(refusalOf('sing').message).toContain(form)
  })

  test('of any kind are refused or read, never a defect, and in time', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        const started = performance.now()
        const answer = attempt(text)
        expect(answer instanceof ChimeraError || answer.payloads.length > 0).toBe(true)
        expect(performance.now() - started).toBeLessThan(500)
      }),
    )
    for (const text of [`pay${' '.repeat(9_990)}x`, `publish a tweet: a${' '.repeat(9_980)}b`]) {
      const started = performance.now()
      attempt(text)
      expect(performance.now() - started).toBeLessThan(200)
    }
  })
})

function only({ payloads }: Intent) {
  const [payload] = payloads
  if (payload === undefined || payloads.length > 1) throw new Error('There is not one payload.')
  return payload
}

function pointed(goal: string, payload: ReturnType<typeof only>, argument: string): string {
  const pointer = 'origin' in payload ? payload.origin[argument] : undefined
  if (pointer?.source !== 'goal' || pointer.span === undefined) throw new Error('no span')
  return goal.slice(...pointer.span)
}

function attempt(text: string): Intent | ChimeraError {
  try {
    return readText(text)
  } catch (error) {
    if (error instanceof ChimeraError) return error
    throw error
  }
}

function refusalOf(text: string): ChimeraError {
  const answer = attempt(text)
  if (answer instanceof ChimeraError) return answer
  throw new Error(`${text} was understood.`)
}
