import { describe, expect, it } from 'vitest'

import { usageIn, usedByFailure } from './used-by-failure.ts'

const IN_FULL = { input: undefined, output: undefined }

/** As the SDK throws it, whose classes are told by name. */
const apiError = (more: object, cause?: unknown): Error =>
  Object.assign(new Error('said', { cause }), { name: 'AI_APICallError', ...more })
const systemError = (syscall: string, code: string): Error =>
  Object.assign(new Error(code), { syscall, code })

describe('a request to a model that failed used', () => {
  it.each([401, 402, 403, 404, 405, 413, 415, 429])(
    'nothing where it answered %i',
    (statusCode) => {
      expect(usedByFailure(apiError({ statusCode }))).toBe('nothing')
    },
  )

  it.each([200, 400, 408, 409, 422, 499, 500, 502, 503, 504, 529, undefined])(
    'all that was reserved where it answered %s',
    (statusCode) => expect(usedByFailure(apiError({ statusCode }))).toEqual(IN_FULL),
  )

  it.each([
    ['was refused', systemError('connect', 'ECONNREFUSED')],
    ['has no name', systemError('getaddrinfo', 'ENOTFOUND')],
    ['took too long', Object.assign(new Error(), { code: 'UND_ERR_CONNECT_TIMEOUT' })],
    [
      'was refused on every address',
      new AggregateError([
        systemError('connect', 'ECONNREFUSED'),
        systemError('connect', 'ENETUNREACH'),
      ]),
    ],
  ])('nothing where the connection %s', (_, cause) => {
    expect(usedByFailure(apiError({}, cause))).toBe('nothing')
    expect(usedByFailure(apiError({}, new TypeError('fetch failed', { cause })))).toBe('nothing')
  })

  it.each([
    ['was reset', systemError('read', 'ECONNRESET')],
    ['was cut', Object.assign(new Error(), { code: 'UND_ERR_SOCKET' })],
    ['broke on one of its addresses', new AggregateError([systemError('read', 'ECONNRESET')])],
    ['ended for no reason', new AggregateError([])],
  ])('all that was reserved where the connection %s', (_, cause) => {
    expect(usedByFailure(apiError({}, cause))).toEqual(IN_FULL)
  })

  it('all of it where nobody knows the error', () => {
    for (const error of [undefined, 'a text', new Error('x'), new DOMException('', 'TimeoutError')])
      expect(usedByFailure(error)).toEqual(IN_FULL)
  })

  it('what the server says, where the answer came and did not fit', () => {
    const usage = { inputTokens: 7, outputTokens: 3 }
    expect(usedByFailure(Object.assign(new Error(), { usage }))).toEqual({ input: 7, output: 3 })
  })
})

it('what no count of tokens can be counts in full', () => {
  for (const wrong of [-1, 0.5, Number.NaN, Infinity, '7', null]) {
    expect(usageIn({ inputTokens: wrong, outputTokens: 3 })).toEqual({
      input: undefined,
      output: 3,
    })
  }
  expect(usageIn(null)).toEqual(IN_FULL)
})
