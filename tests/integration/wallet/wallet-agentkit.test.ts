import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { control } from '../../guarantee.ts'
import { CHECKOUT } from '../../source-tree.ts'
import { freePort, startProcess } from '../tool-process.ts'
import { ALICE, ETH } from './wallet-limits.ts'
import { WalletProcess } from './wallet-process.ts'

const AGENTKIT = join(CHECKOUT, 'mcp-tools', 'wallet', 'node_modules', '@coinbase', 'agentkit')
const isMissing = !existsSync(AGENTKIT)
const PRELOAD = fileURLToPath(new URL('refuse-outside.ts', import.meta.url))
const MIB = 1_048_576

beforeEach(({ skip }) => {
  if (isMissing) skip('AgentKit is not installed (npm ci in mcp-tools/wallet)')
})

describe('the wallet with AgentKit, and every way out refused', () => {
  let wallet: WalletProcess
  let refused: string
  let health: number
  beforeAll(async () => {
    if (isMissing) return
    wallet = new WalletProcess()
    refused = join(wallet.folder, 'refused')
    health = await freePort()
    const HEALTH_PORT = String(health)
    const env = { HEALTH_PORT, NODE_OPTIONS: `--import=${PRELOAD}`, REFUSED_LIST: refused }
    await wallet.start({ product: true, env })
  })
  afterAll(async () => wallet?.[Symbol.asyncDispose]())

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

  test('the key of the wallet is found nowhere', async () => {
    const wire: unknown[] = []
    const client = await wallet.connect()
    const tell = async (name: string, args: Record<string, unknown>): Promise<void> => {
      wire.push(await wallet.callTool(client, name, args).catch(String))
    }
    await tell('get_limits', {})
    await tell('list_transfers', {})
    await tell('get_transfer', { id: wallet.key })
    await tell('transfer_native', { to: ALICE, amount: wallet.key })
    await client.close()
    const [pid, status] = [wallet.proc.child.pid, await wallet.control('GET', 'status')]
    const metrics = await (await fetch(`http://127.0.0.1:${health}/metrics`)).text()
    const commandLine = readFileSync(`/proc/${pid}/cmdline`)
    const [open] = await Promise.all([wallet.proc.exited, wallet.proc.kill()])
    expect(open.signal).toBe('SIGKILL')
    // Starts that fail: a key with a letter too many, and one that dies with a stack.
    const wrong = await failedStart({ WALLET_PRIVATE_KEY: `${wallet.key}f` })
    const dying = await failedStart({ RECEIPT_KEY_FILE: '', RECEIPT_KEY: '{}' })
    expectNowhere(wallet.key, {
      'the ledger': readFileSync(wallet.ledgerPath),
      'its log': readFileSync(`${wallet.ledgerPath}-wal`),
      'the log': wallet.lines.join('\n'),
      'the wire': JSON.stringify([wire, status]),
      metrics,
      'the command line': commandLine,
      'the record of the chain': readFileSync(wallet.evm.record),
      'a refused start': wrong,
      'a crash': dying,
    })
  })

  async function failedStart(other: Record<string, string>): Promise<string> {
    await using proc = startProcess('mcp-tools/wallet/main.ts', wallet.env(other))
    expect((await proc.exited).code).toBeGreaterThan(0)
    return proc.lines.join('\n')
  }
})

/** AgentKit as it is, told nothing: what the wallet would be without its fence. */
describe('AgentKit without the fence', () => {
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

control(
  {
    guard: 'a key that is held in one closure',
    test: 'the key of the wallet is found nowhere',
    expect: /the key stands in a log/,
  },
  () => {
    const key = `0x${'5a'.repeat(32)}`
    expectNowhere(key, { 'a log': JSON.stringify({ account: { key } }) })
  },
)

/** The key as anybody could write it down. */
function spellings(key: string): readonly (string | Buffer)[] {
  const digits = key.slice(2)
  const bytes = Buffer.from(digits, 'hex')
  return [
    digits,
    digits.toUpperCase(),
    bytes.toString('base64'),
    bytes.toString('base64url'),
    String(BigInt(key)),
    bytes,
  ]
}

function expectNowhere(key: string, where: Readonly<Record<string, Buffer | string>>): void {
  for (const [place, held] of Object.entries(where)) {
    const bytes = Buffer.from(held)
    expect(bytes.length, `${place} was looked at`).toBeGreaterThan(0)
    const found = spellings(key).some((spelling) => bytes.includes(spelling))
    expect(found, `the key stands in ${place}`).toBe(false)
  }
}
