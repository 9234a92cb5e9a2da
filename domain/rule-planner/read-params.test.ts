import { ChimeraError } from '@chimera/contracts/errors'
import { describe, expect, test } from 'vitest'

import { PARAM_FORMS, readParams } from './read-params.ts'

type Params = Parameters<typeof readParams>[1]

describe('a structured goal', () => {
  test('becomes the payload of its kind, with pointers to its parameters', () => {
    expect(readParams('tweet.post', { text: 'hi', is_ai_labeled: false })).toEqual({
      slots: [{ slot: 'publish', tool: 'post_tweet', limit: 1 }],
      payloads: [
        {
          kind: 'tweet.post',
          slot: 'publish',
          text: 'hi',
          media_ids: [],
          is_ai_labeled: false,
          origin: {
            '/text': { source: 'goal', path: '/params/text' },
            '/media_ids': { source: 'default', rule: 'no-media' },
            '/is_ai_labeled': { source: 'goal', path: '/params/is_ai_labeled' },
          },
        },
      ],
    })
  })

  test.each<[string, Params, object]>([
    ['tweet.reply', { in_reply_to: '12', text: 'hi' }, { slot: 'reply:12', in_reply_to: '12' }],
    [
      'wallet.unstick',
      { transfer_id: '01a1ff50-9d68-78ca-83f4-cd64e034cd6c' },
      { slot: 'unstick:01a1ff50-9d68-78ca-83f4-cd64e034cd6c' },
    ],
    ['wallet.transfer', { amount: '1.50', asset: 'USDC', to: 'bob' }, { amount: '1.50' }],
    ['trade.scan', { symbols: ['BTC'] }, { symbols: ['BTC'] }],
    ['research.question', { question: 'why?' }, { question: 'why?' }],
    ['generic', { text: 'x' }, { text: 'x' }],
    ['noop', { count: 1 }, { kind: 'noop', index: 0 }],
  ])('of kind %s is understood', (kind, params, payload) => {
    expect(readParams(kind, params).payloads[0]).toMatchObject(payload)
  })

  test.each<[string, Params, string, RegExp]>([
    ['tweet.post', {}, '/params/text', /is missing/],
    ['tweet.post', { text: ' \n' }, '/params/text', /is empty/],
    ['tweet.post', { text: 7 }, '/params/text', /expected string/],
    ['tweet.post', { text: 'x', slot: 'pay:1' }, '/params/slot', /no parameter/],
    ['tweet.post', { text: 'x', kind: 'noop' }, '/params/kind', /no parameter/],
    ['tweet.post', { text: 'x', origin: 'me' }, '/params/origin', /no parameter/],
    ['tweet.post', { text: 'x', media_ids: 'y' }, '/params/media_ids', /array/],
    ['tweet.post', { text: 'x', is_ai_labeled: 'no' }, '/params/is_ai_labeled', /boolean/],
    ['tweet.reply', { in_reply_to: 12, text: 'x' }, '/params/in_reply_to', /post id/],
    ['tweet.reply', { in_reply_to: '1:2', text: 'x' }, '/params/in_reply_to', /post id/],
    ['wallet.unstick', { transfer_id: '7' }, '/params/transfer_id', /UUID/],
    ['wallet.transfer', { amount: 1, asset: 'ETH', to: 'b' }, '/params/amount', /string/],
    ['wallet.transfer', { amount: '-1', asset: 'ETH', to: 'b' }, '/params/amount', /decimal/],
    ['wallet.transfer', { amount: '0', asset: 'ETH', to: 'b' }, '/params/amount', /zero/],
    ['wallet.transfer', { amount: '1', asset: 'eth', to: 'b' }, '/params/asset', /./],
    ['trade.scan', { symbols: ['BTC', 'b c'] }, '/params/symbols/1', /./],
    ['noop', { count: 501 }, '/params/count', /1 to 500/],
    ['noop', { count: '5' }, '/params/count', /1 to 500/],
    ['generic', { text: 'x', 'a/b~c': 'y' }, '/params/a~1b~0c', /no parameter/],
  ])('of kind %s with %j is refused at %s', (kind, params, pointer, detail) => {
    const error = refusalOf(kind, params)
    expect(error.code).toBe('INPUT_INVALID')
    expect(error.faults).toEqual([{ pointer, detail: expect.stringMatching(detail) }])
    expect(error.message).toContain(pointer)
  })

  test('is told of all its faults at once', () => {
    const { faults } = refusalOf('wallet.transfer', { amount: '1', memo: 'x' })
    expect(faults.map(({ pointer }) => pointer)).toEqual([
      '/params/asset',
      '/params/to',
      '/params/memo',
    ])
  })

  test.each(['tweet.delete', 'constructor', 'toString'])('of kind %s is not understood', (kind) => {
    const error = refusalOf(kind, {})
    expect(error.code).toBe('GOAL_NOT_UNDERSTOOD')
    for (const form of PARAM_FORMS) expect(error.message).toContain(form)
  })
})

function refusalOf(kind: string, params: Params): ChimeraError {
  try {
    readParams(kind, params)
  } catch (error) {
    if (error instanceof ChimeraError) return error
    throw error
  }
  throw new Error('The goal was not refused.')
}
