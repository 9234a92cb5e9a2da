import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { control } from '../../guarantee.ts'
import { CHECKOUT } from '../../source-tree.ts'
import { startProcess } from '../tool-process.ts'
import { ALICE, ETH } from './wallet-limits.ts'
import { WalletProcess } from './wallet-process.ts'

const AGENTKIT = join(CHECKOUT, 'mcp-tools', 'wallet', 'node_modules', '@coinbase', 'agentkit')
const isMissing = !existsSync(AGENTKIT)
const PRELOAD = fileURLToPath(new URL('refuse-outside.ts', import.meta.url))
const MIB = 1_048_576

describe.skipIf(isMissing)('the wallet with AgentKit, and every way out refused', () => {
  let wallet: WalletProcess
  let refused: string
  beforeAll(async () => {
    wallet = new WalletProcess()
    refused = join(wallet.folder, 'refused')
    const env = { NODE_OPTIONS: `--import=${PRELOAD}`, REFUSED_LIST: refused }
    await wallet.start({ product: true, env })
  })
  afterAll(() => wallet[Symbol.asyncDispose]())

  test('rests below 350 MB, before and after its first payment, which AgentKit signs', async () => {
    expect(wallet.residentBytes()).toBeLessThan(150 * MIB)
    const args = { to: ALICE, amount: String(ETH) }
    const paid = await wallet.call(wallet.claims({ tool: 'transfer_native', args }), args)
    expect(paid).toMatchObject({ status: 'CONFIRMED' })
    expect(await wallet.evm.balanceOf(ALICE)).toBe(ETH)
    const rested = wallet.residentBytes()
    expect(rested).toBeLessThan(350 * MIB)
  })

  test('says nothing to anybody else and lives on', async () => {
    // What AgentKit reports of itself it reports on the turn after a provider was made.
    await expect.poll(() => wallet.proc.child.exitCode, { timeout: 500 }).toBeNull()
    expect(existsSync(refused) ? readFileSync(refused, 'utf8') : '').toBe('')
    const client = await wallet.connect()
    const held = await wallet.callTool(client, 'get_balances', {})
    await client.close()
    expect(held.fields['address']).toMatch(/^0x/)
  })
})

/** AgentKit as it is, told nothing: what the wallet would be without its fence. */
describe.skipIf(isMissing)('AgentKit without the fence', () => {
  control(
    {
      guard: 'the fence around AgentKit',
      test: 'a wallet that nobody hears',
      expect: /the process has ended/,
      timeoutMs: 60_000,
    },
    async () => {
      const folder = join(CHECKOUT, 'mcp-tools', 'wallet', 'node_modules')
      const script = join(folder, '.plain-agentkit.mjs')
      writeFileSync(script, PLAIN)
      await using proc = startProcess(script.slice(CHECKOUT.length), {
        NODE_OPTIONS: `--import=${PRELOAD}`,
        REFUSED_LIST: '/dev/null',
      })
      const exit = await proc.exited
      if (exit.code === 0) return
      throw new Error(`the process has ended: ${proc.lines.join(' ').slice(0, 300)}`)
    },
  )
})

const PLAIN = `
import { ViemWalletProvider } from '@coinbase/agentkit'
import { createWalletClient, http } from 'viem'
import { privateKeyToAccount } from 'viem/accounts'
import { baseSepolia } from 'viem/chains'
const account = privateKeyToAccount('0x' + '11'.repeat(32))
const transport = http('http://127.0.0.1:9')
new ViemWalletProvider(createWalletClient({ account, chain: baseSepolia, transport }), {
  rpcUrl: 'http://127.0.0.1:9',
})
setTimeout(() => process.exit(0), 5000)
`
