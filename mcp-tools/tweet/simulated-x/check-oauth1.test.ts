import fc from 'fast-check'
import { expect, test } from 'vitest'

import { authorizeByOAuth1 } from '../network/authorize.ts'
import { createOAuth1Check, signatureOf } from './check-oauth1.ts'

const SECRETS = {
  consumerKey: 'key',
  consumerSecret: 'consumer-secret',
  token: 'token',
  tokenSecret: 'token-secret',
}
const NOW_MS = 1_800_000_000_000

function checking(nowMs = NOW_MS) {
  const holders = [{ account: 'a', secrets: SECRETS }]
  return createOAuth1Check({ holders, now: () => nowMs })
}

const signing = (secrets = SECRETS) => authorizeByOAuth1(secrets, { now: () => NOW_MS })

test('signs the example of the X documentation as it says', () => {
  const parameters = new Map([
    ['oauth_consumer_key', 'xvz1evFS4wEEPTGEFPHBog'],
    ['oauth_nonce', 'kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg'],
    ['oauth_signature_method', 'HMAC-SHA1'],
    ['oauth_timestamp', '1318622958'],
    ['oauth_token', '370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb'],
    ['oauth_version', '1.0'],
  ])
  const signature = signatureOf({
    method: 'POST',
    url: new URL('https://api.twitter.com/1.1/statuses/update.json?include_entities=true'),
    parameters,
    form: new URLSearchParams({ status: 'Hello Ladies + Gentlemen, a signed OAuth request!' }),
    secrets: {
      consumerSecret: 'kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw',
      tokenSecret: 'LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE',
    },
  })
  expect(signature).toBe('hCtSmYh+iHYCEqBWrE7C7hYmtUk=')
})

test('what the signing package makes, this check accepts, whatever the query values are', () => {
  // Plain names and no bare "?", as in all that is read: with others, and with what every object
  // inherits (`constructor`), the package goes wrong.
  const name = fc.stringMatching(/^q[a-z_.]{1,11}$/u)
  const value = fc.string({ unit: 'grapheme', maxLength: 12 })
  fc.assert(
    fc.property(fc.dictionary(name, value, { minKeys: 1, maxKeys: 4 }), (query) => {
      const pairs = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join('='))
      const url = `http://127.0.0.1:8080/2/users/1/tweets?${pairs.join('&')}`
      const authorization = signing()({ method: 'GET', url })
      const request = { method: 'GET', url: new URL(url), authorization }
      expect(checking().holderOf(request)).toBe('a')
    }),
    { numRuns: 200 },
  )
})

test.each([
  ['another secret', signing({ ...SECRETS, tokenSecret: 'guess' })],
  ['another consumer', signing({ ...SECRETS, consumerKey: 'guess' })],
  ['no signature', () => 'OAuth oauth_token="token", oauth_consumer_key="key"'],
  ['a broken escape', () => 'OAuth oauth_token="%zz"'],
  ['nothing', () => ''],
])('%s is nobody', (_what, authorize) => {
  const url = 'http://127.0.0.1/2/tweets'
  const authorization = authorize({ method: 'POST', url })
  const request = { method: 'POST', url: new URL(url), authorization }
  expect(checking().holderOf(request)).toBeUndefined()
})

test('a signature is good for its method and URL, once, for five minutes', () => {
  const url = 'http://127.0.0.1/2/tweets'
  const authorization = signing()({ method: 'POST', url })
  const request = { method: 'POST', url: new URL(url), authorization }
  const check = checking()
  expect(check.holderOf({ ...request, method: 'GET' })).toBeUndefined()
  expect(check.holderOf({ ...request, url: new URL(`${url}?a=b`) })).toBeUndefined()
  expect(checking(NOW_MS + 301_000).holderOf(request)).toBeUndefined()
  expect(check.holderOf(request)).toBe('a')
  expect(check.holderOf(request)).toBeUndefined()
})
