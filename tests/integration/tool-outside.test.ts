/**
 * What an outside client types: `chimera tools serve`, `call` and `token`, on a state directory
 * where no stack runs.
 */
import { spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'

import { serveAlone } from '@chimera/infra/stack/serve-alone'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { CHECKOUT } from '../source-tree.ts'
import { Recorded } from './tool-rig-x.ts'

const MAIN = join(CHECKOUT, 'cli', 'main.ts')
const SERVE = ['tools', 'serve', 'tweet']

let stateDir = ''
const opened = new AsyncDisposableStack()
beforeAll(() => {
  stateDir = mkdtempSync(join(tmpdir(), 'chimera-outside-'))
})
afterAll(async () => {
  await opened.disposeAsync()
  rmSync(stateDir, { recursive: true, force: true })
})

const env = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  CHIMERA_STATE_DIR: stateDir,
})

async function openStdio(): Promise<Client> {
  const client = new Client(
    { name: 'desk', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const args = [MAIN, ...SERVE, '--stdio']
  const transport = new StdioClientTransport({
    command: process.execPath,
    args,
    env: env(),
    stderr: 'ignore',
  })
  await client.connect(transport)
  opened.defer(async () => client.close())
  return client
}

async function openHttp(token: string): Promise<Client> {
  const child = spawn(process.execPath, [MAIN, ...SERVE, '--http'], {
    env: env(),
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  opened.defer(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', () => reject(new Error('It ended before it was ready.')))
  })
  const client = new Client(
    { name: 'desk', version: '1' },
    { versionNegotiation: { mode: 'auto' } },
  )
  const headers = { authorization: `Bearer ${token}` }
  await client.connect(
    new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }),
  )
  opened.defer(async () => client.close())
  return client
}

function chimera(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [MAIN, ...args], { env: env(), encoding: 'utf8' })
}

const acceptedPosts = (): number =>
  readFileSync(join(stateDir, 'simulated', 'x.jsonl'), 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => Recorded.parse(JSON.parse(line)))
    .filter((line) => line.path === '/2/tweets' && line.outcome === 'accepted').length

const Fields = z.looseObject({ status: z.string(), code: z.string().optional() })

/**
 * As a client does: what was certainly not sent, because nobody listened, is tried again. The
 * simulated X lives in the process that started first, and a client that negotiates its protocol
 * ends its first process: the next one to see it gone starts X anew.
 */
async function postUntilTold(client: Client, text: string): Promise<z.infer<typeof Fields>> {
  for (let tries = 1; ; tries += 1) {
    const result = await client.callTool({ name: 'post_tweet', arguments: { text } })
    const fields = Fields.parse(result.structuredContent)
    if (fields.code !== 'UPSTREAM_UNAVAILABLE' || tries === 8) return fields
    await sleep(1_000)
  }
}

test('whoever starts second calls the provider that the first has started', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'chimera-outside-'))
  using gone = new DisposableStack()
  gone.defer(() => rmSync(folder, { recursive: true, force: true }))
  const how = { name: 'tweet', stateDir: folder, env: env(), log: () => {} }
  await using first = await serveAlone(how)
  await using second = await serveAlone(how)
  const urls = [first, second].map(({ spec }) => spec.env['SIMULATED_X_URL'])
  expect(urls[1]).toBe(urls[0])
  expect((await fetch(urls[1] ?? '')).status).toBeLessThan(500)
})

test('two stdio processes and HTTP race one cooldown: one post', async () => {
  const made = chimera('tools', 'token', 'create', 'desk', '--scope', 'tweet:write,tweet:read')
  expect(made.status).toBe(0)
  const first = await openStdio()
  const clients = [first, ...(await Promise.all([openStdio(), openHttp(made.stdout.trim())]))]
  const fields = await Promise.all(clients.map((client, n) => postUntilTold(client, `racing ${n}`)))
  const ends = fields.map(({ status, code }) => code ?? status).toSorted()
  const log = readFileSync(join(stateDir, 'logs', 'simulated-x.log'), 'utf8')
  expect(ends, `${JSON.stringify(fields)}\n${log}`).toEqual([
    'CONFIRMED',
    'COOLDOWN_ACTIVE',
    'COOLDOWN_ACTIVE',
  ])
  expect(acceptedPosts()).toBe(1)
})

test('a call from the command line joins them, and its exit code says what became of it', () => {
  const read = chimera('tools', 'call', 'tweet', 'get_cooldown')
  expect([read.status, JSON.parse(read.stdout)]).toMatchObject([0, { status: 'OK' }])
  const args = ['--args-json', '{"text":"one too many"}']
  const post = chimera('tools', 'call', 'tweet', 'post_tweet', ...args)
  expect([post.status, JSON.parse(post.stdout)]).toMatchObject([75, { code: 'COOLDOWN_ACTIVE' }])
  expect(chimera('tools', 'call', 'tweet', 'post_tweet', '--args-json', '[]').status).toBe(2)
  const strange = chimera('tools', 'call', 'nobody', 'post_tweet')
  expect([strange.status, strange.stderr]).toEqual([69, expect.stringContaining('tweet')])
})

test('tokens are made, listed and revoked; a wrong scope or end is wrong usage', () => {
  const token = (...args: string[]) => chimera('tools', 'token', ...args)
  expect(token('create', 'x', '--scope', 'tweet:fly').status).toBe(2)
  expect(token('create', 'x', '--scope', 'tweet:read', '--expires', '9999d').status).toBe(2)
  expect(token('create', 'x').status).toBe(2)
  const made = token('create', 'x', '--scope', 'tweet:read', '--expires', '12h', '--json')
  const shown = z.looseObject({ id: z.string(), secret: z.string() }).parse(JSON.parse(made.stdout))
  const listed = token('ls', '--json').stdout
  expect(listed).toContain(shown.id)
  expect(listed).not.toContain(shown.secret)
  expect(token('revoke', 'x').stdout.trim()).toBe(shown.id)
  expect(token('revoke', 'x').status).toBe(3)
})
