import { fileURLToPath } from 'node:url'

import { META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import type { ToolKind } from '@chimera/mcp-kit/open-tool-process'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { describe, expect } from 'vitest'
import { z } from 'zod'

import { parseSigned } from '#wallet/chain/transaction'

import { control, guarantee, sampleSize } from '../../guarantee.ts'
import { machineEnvironment } from '../../machine-environment.ts'
import { needsAnvil, type EvmRig } from './evm-rig.ts'
import { ALICE, USDC, withTokenCaps } from './wallet-limits.ts'
import { WalletProcess } from './wallet-process.ts'
import { WalletRig } from './wallet-rig.ts'

needsAnvil()

const MAIN = fileURLToPath(new URL('wallet-composed.ts', import.meta.url))
const args = { asset: 'USDC', to: ALICE, amount: String(USDC) }

const Reply = z.looseObject({ structuredContent: z.looseObject({ status: z.string() }) })
const Sent = z.object({ params: z.tuple([z.string()]) })

/** An outside client of 2026 with a server process of its own, one of them the holder. */
async function sitDown(env: Record<string, string>): Promise<Client> {
  const client = new Client(
    { name: 'outside', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const server = { command: process.execPath, args: [MAIN, '--stdio'] }
  await client.connect(
    new StdioClientTransport({ ...server, env: { ...machineEnvironment(), ...env } }),
  )
  return client
}

/** Each client waits for some answers before it asks for more, as clients with deadlines do. */
const LANES = 4

/** What is answered for good; anything else is asked again, with the same key. */
const ENDS = new Set(['CONFIRMED', 'NONE'])
const MAX_TRIES = 20

async function payAll(client: Client, keys: Iterable<string>): Promise<string[]> {
  const statuses: string[] = []
  for (const key of keys) {
    const meta = { [META_IDEMPOTENCY_KEY]: key }
    const params = { name: 'transfer_erc20', arguments: args, _meta: meta }
    let status = ''
    for (let tries = 0; tries < MAX_TRIES && !ENDS.has(status); tries += 1) {
      const reply = await client.request({ method: 'tools/call', params })
      status = Reply.parse(reply).structuredContent.status
    }
    statuses.push(status)
  }
  return statuses
}

/** What the chain says: never above the cap, all of it reached, and no nonce left out. */
async function expectCap(evm: EvmRig, cap: number): Promise<void> {
  expect(await evm.tokensOf(ALICE), 'paid on chain').toBe(BigInt(cap) * USDC)
  const nonces = evm
    .taken()
    .map(({ body }) => parseSigned(Buffer.from(Sent.parse(body).params[0].slice(2), 'hex')).nonce)
  const distinct = [...new Set(nonces)].toSorted((left, right) => left - right)
  expect(distinct).toEqual(Array.from({ length: cap }, (_none, nonce) => nonce))
}

describe('one cap', () => {
  const processes = sampleSize({ ci: 3, full: 8 })
  const each = sampleSize({ ci: 10, full: 200 })
  const cap = sampleSize({ ci: 19, full: 1_000 })
  guarantee(
    {
      id: 'wallet-cap-race',
      title: `${processes} processes race ${each} transfers each for ${cap}`,
      n: processes * each,
      seed: 8,
      timeoutMs: 60_000 + processes * each * 500,
    },
    async () => {
      await using wallet = new WalletProcess()
      await wallet.openChain()
      const limits = withTokenCaps({ per_hour: String(BigInt(cap) * USDC) })
      const env = wallet.env(
        { GRANTS: 'off', WALLET_SEND_TIMEOUT_MS: '20000', TOOL_PORT: '0' },
        limits,
      )
      const clients = await Promise.all(Array.from({ length: processes }, () => sitDown(env)))
      try {
        const statuses = await Promise.all(
          clients.flatMap((client, at) => {
            const keys = Array.from({ length: each }, (_none, k) => `${at}:${k}`).values()
            return Array.from({ length: LANES }, async () => payAll(client, keys))
          }),
        ).then((lanes) => lanes.flat())
        expect(statuses.filter((status) => status === 'CONFIRMED')).toHaveLength(cap)
        await expectCap(wallet.evm, cap)
      } finally {
        await Promise.all(clients.map(async (client) => client.close()))
      }
    },
  )

  control(
    { guard: 'the caps in the claim', test: 'wallet-cap-race', expect: /paid on chain/ },
    async () => {
      const limits = withTokenCaps({ per_hour: String(5n * USDC) })
      await using rig = await new WalletRig({ limits, grants: 'off', change: withoutCaps }).open()
      const calls = Array.from({ length: 10 }, async (_none, key) =>
        rig.call('transfer_erc20', args, { key: `k-${key}` }),
      )
      await Promise.all(calls)
      await expectCap(rig.evm, 5)
    },
  )
})

function withoutCaps(kind: ToolKind): ToolKind {
  return {
    ...kind,
    tools: (ledger) =>
      kind.tools(ledger).map((tool) => {
        if (tool.kind !== 'effect') return tool
        const { effect } = tool
        const plan: typeof effect.plan = (given) => {
          const planned = effect.plan(given)
          if (planned.plan === undefined) return planned
          return { plan: { ...planned.plan, checkWindow: () => undefined } }
        }
        return { ...tool, effect: { ...effect, plan } }
      }),
  }
}
