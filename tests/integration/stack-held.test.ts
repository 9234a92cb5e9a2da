/** A client's own server has the ledger when the stack starts: the rest goes on, and says why. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'

import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterEach, expect, test } from 'vitest'

import { CHECKOUT } from '../source-tree.ts'
import { chimera, eventually, makeStateFolder, readStatus } from './stack-rig.ts'

const made = makeStateFolder()
const stateDir = path.join(made.folder, 'state')
const opened = new AsyncDisposableStack()
opened.defer(made.remove)
afterEach(async () => opened.disposeAsync())

async function openStdio(): Promise<Client> {
  const { PATH = '', HOME = '', NODE_COMPILE_CACHE = '' } = process.env
  const client = new Client(
    { name: 'desk', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [path.join(CHECKOUT, 'cli', 'main.ts'), 'tools', 'serve', 'tweet', '--stdio'],
      env: {
        PATH,
        HOME,
        NODE_COMPILE_CACHE,
        CHIMERA_STATE_DIR: stateDir,
        WALLET_NETWORK: 'off',
        TRADING_TOOLS: 'off',
        WEAVIATE_SERVER: 'off',
      },
      stderr: 'ignore',
    }),
  )
  opened.defer(async () => client.close())
  return client
}

const tweetIn = async () => (await readStatus(stateDir)).tools.find(({ name }) => name === 'tweet')

test(
  '`up` goes on without a tool server whose ledger a client has',
  { timeout: 180_000 },
  async () => {
    mkdirSync(stateDir, { recursive: true, mode: 0o700 })
    const client = await openStdio()
    opened.defer(async () => void (await chimera(stateDir, ['down'])))
    const ran = await chimera(stateDir, ['up', '--detach', '--json'])
    expect(ran, ran.err).toMatchObject({ code: 0 })
    expect(ran.err).toMatch(/tweet is closed: Process \d+ holds the ledger of x-simulated/)
    const held = await tweetIn()
    expect(held).toMatchObject({
      state: 'closed',
      reason: expect.stringMatching(/^Process \d+ holds .* Close the MCP client that started it/),
    })
    // The client is served all the while.
    const read = await client.callTool({ name: 'get_cooldown', arguments: {} })
    expect(read.structuredContent).toMatchObject({ status: 'OK' })
    await client.close()
    await eventually(async () => expect(await tweetIn()).toMatchObject({ state: 'open' }), 60_000)
    expect((await tweetIn())?.reason).toBeUndefined()
  },
)
