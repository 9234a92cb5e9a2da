import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { assemble, hashOf, parseSigned, signingHash } from '#wallet/chain/transaction'
import { addressOfKey, parsePrivateKey } from '#wallet/signing/private-key'
import { readSecretsManagerKey } from '#wallet/signing/secrets-manager-key'

import { guarantee, sampleSize } from '../../guarantee.ts'
import { CHECKOUT } from '../../source-tree.ts'
import { newKey, testSigner } from './test-signer.ts'

const WALLET = join(CHECKOUT, 'mcp-tools', 'wallet')
const isMissing = !existsSync(join(WALLET, 'node_modules', 'viem'))

beforeEach(({ skip }) => {
  if (isMissing) skip('the packages of the wallet are not installed (npm ci in mcp-tools/wallet)')
})

const Asked = z.object({ SecretId: z.string() })

describe('a key in AWS Secrets Manager', () => {
  const key = newKey()
  const secrets: Record<string, string> = { wallet: key, junk: 'not a key at all' }
  const answer = (body: string, isSigned: boolean): { status: number; body: object } => {
    const { SecretId: id } = Asked.parse(JSON.parse(body))
    const secret = isSigned ? secrets[id] : undefined
    if (secret !== undefined) return { status: 200, body: { SecretString: secret } }
    const missing = { __type: 'ResourceNotFoundException', message: `no ${id}` }
    return { status: 400, body: missing }
  }
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = Buffer.concat(await request.toArray()).toString('utf8')
    const { authorization = '' } = request.headers
    const given = answer(body, authorization.startsWith('AWS4-HMAC-SHA256'))
    response.writeHead(given.status, { 'content-type': 'application/x-amz-json-1.1' })
    response.end(JSON.stringify(given.body))
  }
  const server = createServer((request, response) => void serve(request, response))
  let endpoint = ''
  beforeAll(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = z.object({ port: z.int() }).parse(server.address())
    endpoint = `http://127.0.0.1:${port}`
  })
  afterAll(() => void server.close())
  const store = (secretId: string) => ({
    secretId,
    region: 'eu-central-1',
    endpoint,
    credentials: { accessKeyId: 'AKIATEST', secretAccessKey: 'secret-of-the-tests' },
  })

  test('is read by the real SDK', async () => {
    expect(await readSecretsManagerKey(store('wallet'))).toBe(key)
  })

  test('that is not there, or is none, is an error that says so and nothing else', async () => {
    await expect(readSecretsManagerKey(store('gone'))).rejects.toThrow(/ResourceNotFound/)
    const error: unknown = await readSecretsManagerKey(store('junk')).catch((each: unknown) => each)
    expect(String(error)).toMatch(/not 64 hexadecimal digits/)
    expect(String(error)).not.toContain('not a key')
  })
})

test('a key that is none is not repeated in the error', () => {
  for (const text of ['0x12', `${'f'.repeat(64)}0`, 'hunter2-hunter2']) {
    expect(() => parsePrivateKey(text)).toThrow(/^The key of the wallet is not 64/)
  }
  expect(() => addressOfKey(`0x${'f'.repeat(64)}`)).toThrow('no key of secp256k1')
  // The first account of every development chain.
  const known = parsePrivateKey('ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80')
  expect(addressOfKey(known)).toBe('0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266')
})

const Viem = z.object({
  serializeTransaction: z.custom<(transaction: object, signature: object) => string>(),
  recoverTransactionAddress: z.custom<(given: object) => Promise<string>>(),
})

const BYTES = sampleSize({ ci: 100, full: 5_000 })

describe('the bytes of a transaction', () => {
  guarantee(
    {
      id: 'wallet-bytes',
      title: 'are those that viem makes, and tell their sender',
      n: BYTES,
      seed: 3,
      timeoutMs: 60_000 + BYTES * 200,
    },
    async ({ n, random }) => {
      const path = createRequire(join(WALLET, 'package.json')).resolve('viem')
      const viem = Viem.parse(await import(pathToFileURL(path).href))
      const key = newKey()
      const signer = testSigner(key)
      const big = (bits: number): bigint => {
        let value = 0n
        for (let bit = 0; bit < bits; bit += 1) value = value * 2n + BigInt(random.integer(0, 1))
        return value
      }
      for (let k = 0; k < n; k += 1) {
        const tip = big(random.integer(0, 40))
        const transaction = {
          chainId: random.pick([1, 127, 128, 8_453, 84_532, 31_337]),
          nonce: random.pick([0, 1, 127, 128, 70_000]),
          maxPriorityFeePerGas: tip,
          maxFeePerGas: tip + big(random.integer(0, 60)),
          gas: big(random.integer(0, 24)),
          to: `0x${big(160).toString(16).padStart(40, '0')}` as const,
          value: big(random.integer(0, 256)),
          data: Buffer.from(Array.from({ length: random.integer(0, 80) }, () => Number(big(8)))),
        }
        const signature = await signer.sign(signingHash(transaction))
        const { raw, hash } = assemble(transaction, signature)
        const hex = (value: bigint): string => `0x${value.toString(16).padStart(64, '0')}`
        const theirs = viem.serializeTransaction(
          { ...transaction, type: 'eip1559', data: `0x${transaction.data.toString('hex')}` },
          { r: hex(signature.r), s: hex(signature.s), yParity: signature.yParity },
        )
        expect(`0x${raw.toString('hex')}`).toBe(theirs)
        expect(parseSigned(raw)).toMatchObject({ ...transaction, hash })
        expect(hashOf(raw)).toBe(hash)
        if (k % 10 !== 0) continue
        const sender = await viem.recoverTransactionAddress({ serializedTransaction: theirs })
        expect(sender.toLowerCase()).toBe(addressOfKey(key))
      }
    },
  )
})
