import { generateKeyPairSync } from 'node:crypto'

import { CompactSign, compactVerify, type CompactJWSHeaderParameters } from 'jose'
import { expect, test } from 'vitest'

import { openCompactSigner, readCompactJws } from './compact-jws.ts'

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const other = generateKeyPairSync('ed25519').publicKey
const CLAIMS = { n: 1, text: 'größer' }

const byJose = async (header: CompactJWSHeaderParameters): Promise<string> =>
  new CompactSign(new TextEncoder().encode(JSON.stringify(CLAIMS)))
    .setProtectedHeader(header)
    .sign(privateKey)
const sound = { alg: 'EdDSA', kid: 'k1', typ: 'word' }

test('what jose signs is read here', async () => {
  const read = readCompactJws(await byJose(sound))
  expect(read).toMatchObject({ kid: 'k1', typ: 'word' })
  expect(await read.verified(publicKey)).toEqual(CLAIMS)
})

test('words of two keys in turn keep their own headers', async () => {
  const [one, two] = await Promise.all(['k1', 'k2'].map(async (kid) => byJose({ ...sound, kid })))
  const kids = [one, two, one, two, two].map((jws) => readCompactJws(jws ?? '').kid)
  expect(kids).toEqual(['k1', 'k2', 'k1', 'k2', 'k2'])
})

test('what is signed here is read by jose', async () => {
  const jws = await openCompactSigner({ key: privateKey, kid: 'k1', typ: 'word' })(CLAIMS)
  const { payload, protectedHeader } = await compactVerify(jws, publicKey)
  expect(protectedHeader).toEqual(sound)
  expect(JSON.parse(new TextDecoder().decode(payload))).toEqual(CLAIMS)
})

test('neither another key nor other bytes verify', async () => {
  const jws = await byJose(sound)
  expect(await readCompactJws(jws).verified(other)).toBeUndefined()
  const [header = '', payload = '', signature = ''] = jws.split('.')
  const changed = Buffer.from(JSON.stringify({ ...CLAIMS, n: 2 })).toString('base64url')
  const forged = `${header}.${changed}.${signature}`
  expect(await readCompactJws(forged).verified(publicKey)).toBeUndefined()
  const [first, second] = [signature.slice(0, 43), signature.slice(43)]
  const swapped = `${header}.${payload}.${second}${first}`
  expect(await readCompactJws(swapped).verified(publicKey)).toBeUndefined()
})

test.each([
  ['no algorithm', { alg: 'none', kid: 'k1', typ: 'word' }],
  ['another algorithm', { alg: 'HS256', kid: 'k1', typ: 'word' }],
  ['a key of its own', { ...sound, jwk: { kty: 'OKP' } }],
  ['the address of a key', { ...sound, jku: 'https://evil.example/keys' }],
  ['critical extensions', { ...sound, crit: ['b64'], b64: false }],
  ['no key', { alg: 'EdDSA', typ: 'word' }],
  ['no type', { alg: 'EdDSA', kid: 'k1' }],
])('a header with %s is none', async (_what, header) => {
  const [, payload, signature] = (await byJose(sound)).split('.')
  const encoded = Buffer.from(JSON.stringify(header)).toString('base64url')
  expect(() => readCompactJws(`${encoded}.${payload}.${signature}`)).toThrow(
    /alg|kid|typ|ecognized/,
  )
})

test.each([
  ['a part more', (jws: string) => `${jws}.AAAA`],
  ['no signature', (jws: string) => jws.slice(0, jws.lastIndexOf('.') + 1)],
  ['a shorter signature', (jws: string) => jws.slice(0, -2)],
  ['padding', (jws: string) => `${jws}==`],
  ['another alphabet', (jws: string) => jws.replace('.', '.+/')],
  ['a line feed at its end', (jws: string) => `${jws}\n`],
])('a text with %s is none', async (_what, changed) => {
  const jws = await byJose(sound)
  expect(() => readCompactJws(changed(jws))).toThrow('no compact JWS')
})
