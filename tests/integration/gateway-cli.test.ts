/** The operator's commands, run in this process against a real gateway, record and Redis. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'

import { registerOperatorCommands } from '@chimera/cli/commands/operator-commands'
import { exitCodeOf } from '@chimera/cli/exit-codes'
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { GoalPosted, GoalSummary, GoalView, StopReport } from '@chimera/contracts/observable'
import type { ToolStatus } from '@chimera/contracts/tool-control'
import { upsertAccount } from '@chimera/infra/database/tools/upsert-account'
import { openControlServer } from '@chimera/infra/stack/control-server'
import type { StackReport } from '@chimera/infra/stack/stack-report'
import { prepareStateDir, type StateDirPaths } from '@chimera/infra/stack/state-dir'
import { Command, CommanderError } from 'commander'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { ownRedisUrl } from '../own-redis.ts'
import { CONTROL_TOKEN, openGatewayRig, type GatewayRig } from './gateway-rig.ts'

let rig: GatewayRig
let paths: StateDirPaths
let stop: AsyncDisposableStack
/** Where the command line finds the gateway. */
let gatewayUrl = ''
const tools: StackReport['tools'] = []
const folder = mkdtempSync(path.join(tmpdir(), 'chimera-cli-'))

beforeAll(async () => {
  stop = new AsyncDisposableStack()
  rig = stop.use(await openGatewayRig())
  paths = await prepareStateDir(folder)
  writeFileSync(paths.keyFiles.operatorToken, rig.token)
  writeFileSync(paths.keyFiles.stopToken, 'the-stop-token-of-this-test')
  writeFileSync(paths.keyFiles.controlToken, CONTROL_TOKEN)
  gatewayUrl = rig.url
  const report = (): Promise<StackReport> =>
    Promise.resolve({
      state: 'running',
      state_dir: folder,
      pid: process.pid,
      urls: {
        gateway: gatewayUrl,
        redis: ownRedisUrl(),
        postgres: rig.database.databaseUrl,
      },
      token_file: paths.keyFiles.operatorToken,
      roles: [],
      tools,
      simulated: [],
      servers: [],
    })
  const socket = path.join(folder, 'supervisor.sock')
  stop.use(await openControlServer({ socket, report, stop: () => {} }))
})
beforeEach(async () => {
  tools.splice(0)
  gatewayUrl = rig.url
  await rig.database.query({ text: 'DELETE FROM tool_accounts' })
})
afterAll(async () => {
  await stop.disposeAsync()
  rmSync(folder, { recursive: true })
})

/** Runs one command line; gives what it printed and its exit code. */
async function chimera(...args: string[]): Promise<{ code: number; out: string[]; err: string }> {
  const out: string[] = []
  const err: string[] = []
  const program = new Command('chimera')
    .exitOverride()
    .configureOutput({ writeErr: (text) => void err.push(text) })
  registerOperatorCommands(program, {
    env: { CHIMERA_STATE_DIR: folder },
    out: (line) => void out.push(line),
    err: (line) => void err.push(line),
  })
  // Subcommands are made before they could inherit it.
  for (const command of [...program.commands, ...program.commands.flatMap((one) => one.commands)]) {
    command.exitOverride().configureOutput({ writeErr: (text) => void err.push(text) })
  }
  try {
    await program.parseAsync(args, { from: 'user' })
    return { code: 0, out, err: err.join('\n') }
  } catch (error) {
    err.push(error instanceof Error ? error.message : String(error))
    const code = error instanceof CommanderError ? 2 : exitCodeOf(error)
    return { code, out, err: err.join('\n') }
  }
}

const jsonOf = (lines: string[]): unknown => JSON.parse(lines.join('\n'))

/** A server that was stopped without the record, far above it. */
const STATUS: ToolStatus = {
  name: 'tweet',
  account: 'any',
  backend: 'simulated',
  live: false,
  grants: 'required',
  state: 'fenced',
  ledger: { id: newId(), boot: newId(), seq: 1, path: '/nowhere' },
  fences: { everything: 700 },
  kill: {},
  definitions: {},
}

/** A tool server that can only be fenced; it says what it was asked. */
async function openFence(
  name: string,
  answer: (body: unknown) => object | undefined,
): Promise<{ asked: unknown[]; server: Server }> {
  const asked: unknown[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      if (request.url === '/control/status') {
        response.end(JSON.stringify(STATUS))
        return
      }
      const body: unknown = JSON.parse(text)
      asked.push({ path: request.url, token: request.headers.authorization, body })
      const reply = answer(body)
      if (reply !== undefined) response.end(JSON.stringify(reply))
    })
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  const tool = { account: `${name}-account`, url: `http://127.0.0.1:${port}`, backend: 'simulated' }
  tools.push({ ...tool, name, pid: null, ledger: '', restarts: 0 })
  await upsertAccount(rig.database, { ...tool, server: name, live: false, bindings: [] })
  stop.defer(() => {
    server.closeAllConnections()
    server.close()
  })
  return { asked, server }
}

describe('chimera goal', () => {
  test('posts, shows, lists and cancels', async () => {
    const posted = await chimera('goal', 'post', 'generic: hello', '--id', 'c1', '--json')
    expect(posted.code).toBe(0)
    expect(GoalPosted.parse(jsonOf(posted.out))).toEqual({ id: 'c1', status: 'RECEIVED' })
    const shown = await chimera('goal', 'show', 'c1', '--json')
    expect(GoalView.parse(jsonOf(shown.out)).id).toBe('c1')
    for (let n = 2; n < 6; n += 1) await chimera('goal', 'post', 'generic: x', '--id', `c${n}`)
    const listed = await chimera('goal', 'ls', '--limit', '3', '--json')
    const goals = GoalSummary.array().parse(jsonOf(listed.out))
    expect(goals.map(({ id }) => id)).toEqual(['c5', 'c4', 'c3'])
    expect((await chimera('goal', 'cancel', 'c1', '--json')).out).toEqual([
      '{"id":"c1","status":"CANCELLED"}',
    ])
    expect((await chimera('goal', 'watch', 'c1')).code).toBe(1)
    expect((await chimera('goal', 'ls', '--status', 'cancelled')).out).toHaveLength(2)
  })

  test('ends with the code that says why not', async () => {
    await chimera('goal', 'post', 'generic: one', '--id', 'same')
    const conflict = await chimera('goal', 'post', 'generic: two', '--id', 'same')
    expect([conflict.code, conflict.out]).toEqual([6, []])
    expect(conflict.err).toContain('/id')
    expect((await chimera('goal', 'show', 'nothing')).code).toBe(3)
    expect((await chimera('task', 'show', 'nothing')).code).toBe(3)
    expect((await chimera('effect', 'show', 'nothing')).code).toBe(3)
    expect((await chimera('goal', 'post')).code).toBe(2)
    expect((await chimera('goal', 'post', 'x', '--mode', 'wild')).code).toBe(2)
    expect((await chimera('goal', 'ls', '--limit', 'all')).code).toBe(2)
    expect((await chimera('goal', 'ls', '--status', 'wild')).code).toBe(2)
    expect((await chimera('effect', 'ls', '--state', 'confirmed')).out).toEqual(['No effects.'])
    const late = await chimera('goal', 'post', 'generic: x', '--wait', '--timeout', '1', '--json')
    expect(late.code).toBe(5)
    expect(GoalPosted.parse(jsonOf(late.out)).status).toBe('RECEIVED')
  })

  test('shows no screen what acts on it', async () => {
    await rig.post('/v1/goals', { id: 'sly', text: 'generic: \u009B2J\u202Egnp.exe' })
    for (const command of ['show', 'watch']) {
      if (command === 'watch') await chimera('goal', 'cancel', 'sly')
      const { out } = await chimera('goal', command, 'sly')
      expect(out.join('')).toContain(String.raw`\u{9b}2J\u{202e}`)
      expect(out.join('')).not.toMatch(/[\u009B\u202E]/)
    }
  })
})

describe('chimera stop', () => {
  test('raises the row, then every fence, and says what is still in flight', async () => {
    const one = await openFence('one', () => ({ epoch: 1, in_flight: ['a'.repeat(64)] }))
    const other = await openFence('other', () => ({ epoch: 1, in_flight: [] }))
    const { code, out } = await chimera('stop', '--reason', 'drill', '--json')
    expect(code).toBe(0)
    const report = StopReport.parse(jsonOf(out))
    expect(report.tools).toEqual([
      { name: 'one', result: 'fenced', in_flight: ['a'.repeat(64)] },
      { name: 'other', result: 'fenced', in_flight: [] },
    ])
    const [row] = await rig.database.query({
      text: "SELECT * FROM fences WHERE scope = 'everything'",
    })
    expect(row).toMatchObject({ epoch: String(report.epoch), stopped: true, reason: 'drill' })
    const asked = {
      path: '/control/fence',
      token: `Bearer ${CONTROL_TOKEN}`,
      body: { scope: 'everything', epoch: report.epoch, stopped: true },
    }
    expect([one.asked, other.asked]).toEqual([[asked], [asked]])
  })

  test('names a server that hangs, waits for it a moment only, and exits 1', async () => {
    await openFence('hangs', () => undefined)
    await openFence('well', () => ({ epoch: 1, in_flight: [] }))
    const before = performance.now()
    const { code, out, err } = await chimera('stop', '--json')
    expect(performance.now() - before).toBeLessThan(2_000)
    expect(code).toBe(1)
    expect(StopReport.parse(jsonOf(out)).tools.map(({ name, result }) => [name, result])).toEqual([
      ['hangs', 'unreachable'],
      ['well', 'fenced'],
    ])
    expect(err).toContain('hangs')
  })

  test('is ended by resume, at an epoch above the record and every server', async () => {
    const { asked } = await openFence('one', () => ({ epoch: 9, in_flight: [] }))
    await chimera('stop')
    expect((await chimera('resume')).code).toBe(0)
    expect(asked.at(-1)).toEqual({
      path: '/control/fence',
      token: `Bearer ${CONTROL_TOKEN}`,
      body: { scope: 'everything', epoch: 701, stopped: false },
    })
  })

  test('of one scope concerns that scope, and of one tool that server only', async () => {
    const one = await openFence('one', () => ({ epoch: 1, in_flight: [] }))
    const other = await openFence('other', () => ({ epoch: 1, in_flight: [] }))
    const scopes: [string, string][] = [
      ['--goal', 'goal:g-1'],
      ['--agent', 'agent:writer'],
      ['--campaign', 'campaign:spring'],
      ['--tenant', `tenant:${DEFAULT_TENANT}`],
      ['--tool', 'tool:one-account'],
    ]
    for (const [option, scope] of scopes) {
      const { code, err } = await chimera('stop', option, scope.slice(scope.indexOf(':') + 1))
      expect([code, err]).toEqual([0, ''])
      expect(one.asked.at(-1)).toMatchObject({ body: { scope, stopped: true } })
    }
    expect(other.asked).toHaveLength(4)
    const rows = await rig.database.query<{ scope: string }>({
      text: `SELECT scope FROM fences WHERE stopped AND scope <> 'everything' ORDER BY scope`,
    })
    expect(rows.map(({ scope }) => scope)).toEqual(scopes.map(([, scope]) => scope).toSorted())
    expect((await chimera('stop', '--tool', 'nobody')).code).toBe(1)
    expect((await chimera('stop', '--tenant', 'acme')).code).toBe(1)
    expect((await chimera('stop', '--goal', 'a', '--agent', 'b')).code).toBe(2)
    for (const [option, scope] of scopes) {
      await chimera('resume', option, scope.slice(scope.indexOf(':') + 1))
    }
  })

  test('goes straight to the tool servers when the gateway is gone, and says so', async () => {
    const one = await openFence('one', () => ({ epoch: 12, in_flight: ['b'.repeat(64)] }))
    gatewayUrl = 'http://127.0.0.1:9'
    const { code, out, err } = await chimera('stop', '--json')
    expect(code).toBe(0)
    expect(err).toContain('without it')
    expect(StopReport.parse(jsonOf(out))).toMatchObject({
      epoch: 12,
      tools: [{ name: 'one', result: 'fenced', in_flight: ['b'.repeat(64)] }],
    })
    expect(one.asked).toEqual([
      {
        path: '/control/fence',
        token: 'Bearer the-stop-token-of-this-test',
        body: { scope: 'everything', stopped: true },
      },
    ])
    await openFence('hangs', () => undefined)
    expect((await chimera('stop')).code).toBe(1)
    expect((await chimera('resume')).code).toBe(69)
  })

  test('asks for a token that may do everything', async () => {
    const made = await chimera('token', 'create', 'writer')
    const headers = { authorization: `Bearer ${made.out[0]}`, 'content-type': 'application/json' }
    for (const route of ['/v1/stop', '/v1/resume']) {
      const answer = await rig.ask(route, { method: 'POST', headers, body: '{}' })
      expect(answer.status).toBe(403)
    }
  })
})

describe('chimera token', () => {
  test('makes a token that works until it is revoked', async () => {
    const made = await chimera('token', 'create', 'ci', '--read-only')
    const [secret = ''] = made.out
    const look = () => rig.ask('/v1/goals', { headers: { authorization: `Bearer ${secret}` } })
    expect((await look()).status).toBe(200)
    expect((await chimera('token', 'ls', '--json')).out.join('')).not.toContain(secret)
    expect((await chimera('token', 'revoke', 'ci')).code).toBe(0)
    expect((await look()).status).toBe(401)
    expect((await chimera('token', 'revoke', 'ci')).code).toBe(3)
    expect((await chimera('token', 'create', 'two words')).code).toBe(2)
  })
})

describe('chimera dead', () => {
  test('replays an entry with its own fields, once unless it is asked again', async () => {
    const id = '01900000-0000-7000-8000-000000000001'
    const fields = ['goal', '{"text":"generic: again"}', 'tenant', 'x']
    const payload = JSON.stringify(fields)
    await rig.database.query({
      text: `INSERT INTO dead_letters (id, stream, entry_id, payload, bytes, sha256, code, reason)
        VALUES ($1, 'chimera:goals', '1-1', $2, $3, 'x', 'TENANT_FORBIDDEN', 'because')`,
      values: [id, payload, payload.length],
    })
    expect((await chimera('dead', 'ls')).out.join('\n')).toContain('TENANT_FORBIDDEN')
    expect((await chimera('dead', 'show', id, '--json')).code).toBe(0)
    expect((await chimera('dead', 'replay', id)).code).toBe(0)
    const entries = () => rig.redis.client.xrevrange('chimera:goals', '+', '-', 'COUNT', 1)
    expect((await entries())[0]?.[1]).toEqual(fields)
    expect((await chimera('dead', 'replay', id)).code).toBe(6)
    expect((await chimera('dead', 'replay', id, '--again')).code).toBe(0)
    expect((await chimera('dead', 'ls')).out).toEqual(['No dead letters.'])
    expect((await chimera('dead', 'show', 'nothing')).code).toBe(3)
  })
})

describe('chimera database', () => {
  test('says where the database stands', async () => {
    const { out } = await chimera('database', 'status', '--json')
    expect(jsonOf(out)).toMatchObject({ pending: [] })
    expect((await chimera('database', 'migrate', '--json')).code).toBe(0)
    expect((await chimera('database', 'dump-schema')).out.join('')).toContain('CREATE TABLE goals')
  })
})
