import { describe, expect, it } from 'vitest'

import { hashToken, newTokenSecret } from './token-secret.ts'
import { scopesOf } from './token.ts'

describe('a bearer token', () => {
  it('says what it is and holds 32 random bytes', () => {
    const [one, other] = [newTokenSecret(), newTokenSecret()]
    expect(one).toMatch(/^chimera_[\w-]{43}$/)
    expect(one).not.toBe(other)
  })

  it('is kept as its SHA-256', () => {
    expect(hashToken('abc')).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    )
  })

  it('with a scope of a later version allows only what this one knows', () => {
    expect(scopesOf(['prophet', 'read'])).toEqual(['read'])
  })
})
