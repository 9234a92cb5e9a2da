import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { META_IDEMPOTENCY_KEY } from '@chimera/contracts/grant'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { machineEnvironment } from '../machine-environment.ts'
import { startProcess } from './tool-process.ts'
import { Rig } from './tool-rig.ts'

const MAIN = fileURLToPath(new URL('../../mcp-tools/tweet/main.ts', import.meta.url))

let rig: Rig
beforeAll(async () => {
  rig = new Rig()
  await rig.startX()
})
afterAll(async () => rig[Symbol.asyncDispose]())

const environment = (ledger: string): Record<string, string> => ({
  ...rig.env({ GRANTS: 'off', TWEET_COOLDOWN_MS: '1' }),
  TOOL_LEDGER: join(rig.folder, ledger),
  ...machineEnvironment(),
})
const server = (ledger: string) => ({
  command: process.execPath,
  args: [MAIN, '--stdio'],
  env: environment(ledger),
})

test('an outside client of 2026 posts once for one intent', async () => {
  const client = new Client(
    { name: 'outside', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(new StdioClientTransport(server('modern.sqlite')))
  const call = async (text: string, meta = {}) =>
    client.callTool({ name: 'post_tweet', arguments: { text }, _meta: meta })
  const first = await call('from outside')
  expect(first.structuredContent).toMatchObject({ status: 'CONFIRMED', made_with_ai: true })
  // The text is the key for a day, whatever the white space.
  const again = await call('from  outside')
  expect(again.structuredContent).toMatchObject({ status: 'CONFIRMED' })
  const key = { [META_IDEMPOTENCY_KEY]: 'one' }
  await call('with a key', key)
  const other = await call('with another text', key)
  expect(other.structuredContent).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  await client.close()
  expect(rig.posts()).toHaveLength(2)
})

test('an outside client of 2025 posts, and an unlabelled post is refused', async () => {
  const client = new LegacyClient({ name: 'outside', version: '1' })
  await client.connect(new LegacyTransport(server('legacy.sqlite')))
  expect((await client.listTools()).tools).toHaveLength(7)
  const args = { text: 'from 2025', is_ai_labeled: false }
  const refused = await client.callTool({ name: 'post_tweet', arguments: args })
  expect(refused).toMatchObject({ isError: true, structuredContent: { code: 'LIMIT_EXCEEDED' } })
  const posted = await client.callTool({ name: 'post_tweet', arguments: { text: 'from 2025' } })
  expect(posted.structuredContent).toMatchObject({ status: 'CONFIRMED' })
  await client.close()
})

test('nothing but the protocol is on standard output, and it ends with its client', async () => {
  await using proc = startProcess('mcp-tools/tweet/main.ts', environment('quiet.sqlite'), [
    '--stdio',
  ])
  let out = ''
  proc.child.stdout?.on('data', (data: Buffer) => (out += data.toString()))
  proc.child.stdin?.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`)
  await expect.poll(() => out, { timeout: 20_000 }).toContain('"id":1')
  proc.child.stdin?.end()
  expect(await proc.exited).toEqual({ code: 0, signal: null })
  for (const line of out.trim().split('\n')) {
    expect(JSON.parse(line)).toMatchObject({ jsonrpc: '2.0' })
  }
})

test('a server that acts only on grants is not served on stdio', async () => {
  const env = { ...environment('grants.sqlite'), GRANTS: 'required' }
  await using proc = startProcess('mcp-tools/tweet/main.ts', env, ['--stdio'])
  expect(await proc.exited).toEqual({ code: 78, signal: null })
})
