import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { CompactSign, compactVerify, createLocalJWKSet, importJWK } from 'jose'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import { keepSigningKeys } from './signing-keys.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'signing-keys-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const Jwk = z.looseObject({ kid: z.string() })
const text = (name: string): string => readFileSync(path.join(folder, name), 'utf8')
const readKey = (name: string) => Jwk.parse(JSON.parse(text(name)))
const readSet = () => z.object({ keys: z.array(Jwk) }).parse(JSON.parse(text('jwks.json')))
const kidsOf = () => readSet().keys.map(({ kid }) => kid)

test('what the private key signs the key set verifies, and it holds no secret', async () => {
  const file = path.join(folder, 'private.json')
  const jwksFile = path.join(folder, 'jwks.json')
  await keepSigningKeys({ privateFiles: [file], jwksFile })
  const jwk = readKey('private.json')
  const jws = await new CompactSign(Buffer.from('grant'))
    .setProtectedHeader({ alg: 'EdDSA', kid: jwk.kid })
    .sign(await importJWK(jwk, 'EdDSA'))
  const verified = await compactVerify(jws, createLocalJWKSet(readSet()))
  expect(Buffer.from(verified.payload).toString()).toBe('grant')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(readSet().keys.map((key) => new Set(Object.keys(key)))).toEqual([
    new Set(['alg', 'crv', 'kid', 'kty', 'use', 'x']),
  ])
})

test('a second start keeps the keys, and a key taken out of the set stays out', async () => {
  const options = {
    privateFiles: [path.join(folder, 'a.json'), path.join(folder, 'b.json')],
    jwksFile: path.join(folder, 'jwks.json'),
  }
  await keepSigningKeys(options)
  const [first, second] = [readKey('a.json'), readKey('b.json')]
  await keepSigningKeys(options)
  expect([readKey('a.json'), readKey('b.json')]).toEqual([first, second])
  expect(kidsOf()).toEqual([first.kid, second.kid])
  rmSync(options.privateFiles[0] ?? '')
  await keepSigningKeys(options)
  expect(kidsOf()).toEqual([first.kid, second.kid, readKey('a.json').kid])
})
