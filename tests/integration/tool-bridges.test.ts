import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { ToolStatus } from '@chimera/contracts/tool-control'
import { socketPathsOf } from '@chimera/mcp-kit/bridge/socket-paths'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as LegacyClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as LegacyTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { machineEnvironment } from '../machine-environment.ts'
import { freePort, startProcess, type Proc } from './tool-process.ts'
import { Rig, TOKENS } from './tool-rig.ts'

/** Several processes of one account: one holds the ledger, the others are bridges to it. */

const MAIN = fileURLToPath(new URL('../../mcp-tools/tweet/main.ts', import.meta.url))
const OFF = { GRANTS: 'off', TWEET_SEND_TIMEOUT_MS: '5000', TWEET_ABSENCE_MS: '450' }

let rig: Rig
const open: { close: () => Promise<void> }[] = []
async function start(): Promise<void> {
  rig = new Rig()
  await rig.startX()
  await rig.tellX({ duplicate_check: false })
}
async function end(): Promise<void> {
  await Promise.all(open.splice(0).map(async (each) => each.close()))
  await rig[Symbol.asyncDispose]()
}
async function startAgain(): Promise<void> {
  await end()
  await start()
}
beforeEach(start)
afterEach(end)

const environment = (other: Record<string, string> = {}): Record<string, string> => ({
  ...rig.env({ ...OFF, ...other }),
  ...machineEnvironment(),
})
const server = (other: Record<string, string> = {}) => ({
  command: process.execPath,
  args: [MAIN, '--stdio'],
  env: environment(other),
})

type Seat = Readonly<{ client: Client; pid: number }>

/** An outside client of 2026 with a server process of its own. */
async function sitDown(other: Record<string, string> = {}): Promise<Seat> {
  const client = new Client(
    { name: 'outside', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const transport = new StdioClientTransport(server(other))
  await client.connect(transport)
  open.push(client)
  return { client, pid: transport.pid ?? 0 }
}

const say = async ({ client }: Pick<Seat, 'client'>, text: string) =>
  client.callTool({ name: 'post_tweet', arguments: { text } })
const Said = z.looseObject({ code: z.string().optional(), status: z.string() })
const codeOf = async (said: ReturnType<typeof say>): Promise<string> => {
  const { code, status } = Said.parse((await said).structuredContent)
  return code ?? status
}

async function startHttp(other: Record<string, string> = {}): Promise<{ proc: Proc; url: string }> {
  const port = String(await freePort())
  const proc = startProcess('mcp-tools/tweet/main.ts', environment({ TOOL_PORT: port, ...other }))
  open.push({ close: async () => proc.kill() })
  await proc.ready
  return { proc, url: `http://127.0.0.1:${port}` }
}

async function statusAt(url: string): Promise<ToolStatus> {
  const headers = { authorization: `Bearer ${TOKENS.control}` }
  return ToolStatus.parse(await (await fetch(`${url}/control/status`, { headers })).json())
}

async function talkHttp(url: string): Promise<Client> {
  const client = new Client({ name: 'web', version: '1' }, { versionNegotiation: { mode: 'auto' } })
  const headers = { authorization: `Bearer ${TOKENS.mcp}` }
  const at = new URL('/mcp', url)
  await client.connect(new StreamableHTTPClientTransport(at, { requestInit: { headers } }))
  open.push(client)
  return client
}

/** Two stdio processes and an HTTP server call at once; each is given the ledger of its number. */
async function raceOneCooldown(ledgerOf: (k: number) => string): Promise<void> {
  const [first, second, third] = [0, 1, 2].map((k) => ({ TOOL_LEDGER: ledgerOf(k) }))
  const seats = await Promise.all([sitDown(first), sitDown(second)])
  const http = await startHttp(third)
  const web = { client: await talkHttp(http.url) }
  const codes = await Promise.all(
    [...seats, web].map(async (seat, k) => codeOf(say(seat, `raced ${k}`))),
  )
  expect(rig.posts(), 'posts of one account in one cooldown').toHaveLength(1)
  expect(codes.toSorted()).toEqual(['CONFIRMED', 'COOLDOWN_ACTIVE', 'COOLDOWN_ACTIVE'])
}

guarantee(
  {
    id: 'one-cooldown',
    title: 'two stdio processes, one of them a bridge, and HTTP racing one cooldown: one post',
    n: sampleSize({ ci: 1, full: 10 }),
    seed: 0,
    timeoutMs: 120_000,
  },
  async ({ n }) => {
    for (let round = 0; round < n; round += 1) {
      await raceOneCooldown(() => rig.ledgerPath)
      for (const path of Object.values(
        socketPathsOf({ account: 'x-simulated', ledger: rig.ledgerPath }),
      )) {
        expect(statSync(path).mode & 0o777).toBe(0o600)
      }
      if (round + 1 < n) await startAgain()
    }
  },
)

/** A cooldown that each process keeps for itself, as most tool servers do. */
control(
  {
    guard: 'the one ledger of an account',
    test: 'one-cooldown',
    expect:
      /posts of one account in one cooldown.*(?:length of 1 but got 3|to have a length of 1)/s,
    timeoutMs: 60_000,
  },
  () => raceOneCooldown((k) => `${rig.ledgerPath}.${k}`),
)

describe('when the holder is killed', () => {
  test('a call in flight is answered as retryable, and what it did is known after it', async () => {
    const holder = await sitDown()
    const bridge = await sitDown()
    await rig.tellX({ fault: 'hang' })
    const lost = say(bridge, 'in flight')
    lost.catch(() => undefined)
    await expect.poll(() => rig.posts().length, { timeout: 10_000 }).toBe(1)
    process.kill(holder.pid, 'SIGKILL')
    await expect(lost).rejects.toMatchObject({
      code: -32_000,
      data: { code: 'SERVER_CLOSED', retryable: true },
    })
    await expect
      .poll(async () => codeOf(say(bridge, 'in flight')), { timeout: 20_000 })
      .toBe('CONFIRMED')
    expect(rig.posts()).toHaveLength(1)
  })

  test('a client of 2025 goes on with the bridge that took over', async () => {
    const holder = await sitDown()
    const client = new LegacyClient({ name: 'outside', version: '1' })
    await client.connect(new LegacyTransport(server()))
    open.push(client)
    process.kill(holder.pid, 'SIGKILL')
    const { tools } = await client.listTools()
    expect(tools).toHaveLength(7)
    const posted = await client.callTool({ name: 'post_tweet', arguments: { text: 'still here' } })
    expect(posted.structuredContent).toMatchObject({ status: 'CONFIRMED' })
  })

  test('an HTTP bridge takes over at its own address', async () => {
    const holder = await startHttp()
    const bridge = await startHttp()
    const { ledger } = await statusAt(holder.url)
    expect((await statusAt(bridge.url)).ledger).toEqual(ledger)
    await holder.proc.kill()
    await expect
      .poll(async () => (await statusAt(bridge.url).catch(() => undefined))?.ledger.boot, {
        timeout: 20_000,
      })
      .not.toBe(ledger.boot)
    await expect.poll(async () => (await statusAt(bridge.url)).ledger.id).toBe(ledger.id)
    expect(await codeOf(say({ client: await talkHttp(bridge.url) }, 'by the next'))).toBe(
      'CONFIRMED',
    )
  })
})

describe('no bridge is made', () => {
  test('to a holder under another rule of grants: 75', async () => {
    // Connecting says nothing of the ledger; an answered request does.
    await (await sitDown()).client.listTools()
    await using other = startProcess('mcp-tools/tweet/main.ts', environment({ GRANTS: 'required' }))
    expect(await other.exited).toEqual({ code: 75, signal: null })
    expect(other.lines.join('\n')).toContain('LEDGER_HELD')
  })

  test.each([
    ['over HTTP', []],
    ['on stdio', ['--stdio']],
  ])('to a holder that does not answer, %s: 75', async (_title, args) => {
    await sitDown()
    const script = `const { DatabaseSync } = require('node:sqlite')
      const db = new DatabaseSync(process.argv[1])
      db.exec('PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; CREATE TABLE t (a)')
      console.log('held'); setInterval(() => {}, 1000)`
    const path = join(rig.folder, 'held.sqlite')
    const holder = spawn(process.execPath, ['-e', script, path], { stdio: 'pipe' })
    try {
      await once(holder.stdout, 'data')
      const env = environment({ TOOL_LEDGER: path })
      await using other = startProcess('mcp-tools/tweet/main.ts', env, args)
      expect(await other.exited).toEqual({ code: 75, signal: null })
    } finally {
      holder.kill('SIGKILL')
    }
  })

  test('that lets a call pass without a grant where the holder needs one', async () => {
    await rig.startTool({ env: { TWEET_COOLDOWN_MS: '1' } })
    const outside = await sitDown()
    expect(await codeOf(say(outside, 'without a grant'))).toBe('GRANT_REQUIRED')
    expect(rig.posts()).toEqual([])
  })
})
