import { existsSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'

import { beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { recoverSigner } from '../../simulated-exchange/wire/recover-signer.ts'
import { openAgentWallet } from './agent-wallet.ts'

/**
 * The signatures that Hyperliquid's own SDK publishes (hyperliquid-python-sdk 7ee976d, MIT). They
 * lie beside the repository; `agent-wallet.test.ts` holds some of them where they do not.
 */
const VECTORS = resolve(
  import.meta.dirname,
  '../../../../../shared/data/hyperliquid-mit/signing-vectors.json',
)

const Signature = z.object({
  r: z.string(),
  s: z.string(),
  v: z.union([z.literal(27), z.literal(28)]),
})
const Vectors = z.object({
  privateKey: z.string(),
  nonce: z.int(),
  vectors: z.array(
    z.object({
      name: z.string(),
      action: z.record(z.string(), z.json()),
      vaultAddress: z.string().nullable(),
      mainnet: Signature,
      testnet: Signature,
    }),
  ),
})

describe("every vector of Hyperliquid's own SDK", () => {
  const read = existsSync(VECTORS)
    ? Vectors.parse(JSON.parse(readFileSync(VECTORS, 'utf8')))
    : undefined
  const cases = (read?.vectors ?? []).flatMap((vector) =>
    (['mainnet', 'testnet'] as const).map((chain) => ({
      ...vector,
      chain,
      expected: vector[chain],
    })),
  )

  beforeEach(({ skip }) => {
    if (read === undefined) skip("the SDK's vectors are not beside this checkout")
  })

  test.for(cases)('$name on $chain', ({ action, vaultAddress, chain, expected }) => {
    const wallet = openAgentWallet(read?.privateKey ?? '', chain)
    const fields = { nonce: read?.nonce ?? 0, ...(vaultAddress === null ? {} : { vaultAddress }) }
    const signed = wallet.sign({ action, ...fields })
    expect({ r: BigInt(signed.r), s: BigInt(signed.s), v: signed.v }).toEqual({
      r: BigInt(expected.r),
      s: BigInt(expected.s),
      v: expected.v,
    })
    // The other side reads the SDK's unpadded numbers, and finds the same signer.
    const request = { action, signature: expected, ...fields }
    expect(recoverSigner(request, chain)).toBe(wallet.address)
    expect(recoverSigner(request, chain === 'mainnet' ? 'testnet' : 'mainnet')).not.toBe(
      wallet.address,
    )
  })

  test('there are the ten that were published', () => expect(cases).toHaveLength(10))
})
