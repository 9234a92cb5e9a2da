import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import path from 'node:path'

import { openRunFolder } from '@chimera/cli/commands/test/run-folder'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'

import {
  chimera,
  descendants,
  eventually,
  makeStateFolder,
  readStatus,
  startChimera,
  stillAlive,
} from './stack-rig.ts'

const UP = z.object({
  state: z.literal('running'),
  pid: z.int(),
  urls: z.object({ gateway: z.string(), redis: z.string(), postgres: z.string() }),
  token_file: z.string(),
})

/** The time that the issue gives a stop. */
const STOP_WITHIN_MS = 10_000

let stateDir = ''
const cleanUps: (() => void | Promise<void>)[] = []
beforeEach(() => {
  const made = makeStateFolder()
  stateDir = path.join(made.folder, 'state')
  cleanUps.push(made.remove)
})
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp()
})

/** `up --detach`, taken down at the end whatever happens. */
async function up(
  folder = stateDir,
  env: Readonly<Record<string, string>> = {},
): Promise<z.infer<typeof UP>> {
  cleanUps.push(async () => void (await chimera(folder, ['down'])))
  const ran = await chimera(folder, ['up', '--detach', '--json'], env)
  expect(ran, ran.err).toMatchObject({ code: 0 })
  return UP.parse(JSON.parse(ran.out))
}

async function count(postgres: string, table: string): Promise<number> {
  const client = new pg.Client({ connectionString: postgres })
  await client.connect()
  try {
    const { rows } = await client.query<{ n: string }>(`SELECT count(*) AS n FROM ${table}`)
    return Number(rows[0]?.n)
  } finally {
    await client.end()
  }
}

async function postGoal(socket: string, id: string): Promise<void> {
  const redis = new Redis(socket)
  try {
    await redis.xadd('chimera:goals', '*', 'id', id, 'text', 'generic: think')
  } finally {
    redis.disconnect()
  }
}

const Told = z.looseObject({ level: z.int() })
const Shown = z.looseObject({ levels: z.array(Told), tools: z.array(Told) })

/** `chimera kill raise|lower`; answers what the record and every tool server hold then. */
async function moveKill(...args: string[]): Promise<number[]> {
  const ran = await chimera(stateDir, ['kill', ...args, '--json'])
  expect(ran, ran.err).toMatchObject({ code: 0 })
  const { level, tools } = Told.extend({ tools: z.array(Told) }).parse(JSON.parse(ran.out))
  return [level, ...tools.map((tool) => tool.level)]
}

/** The same of `chimera kill show`. */
async function shownKill(): Promise<number[]> {
  const ran = await chimera(stateDir, ['kill', 'show', '--json'])
  expect(ran, ran.err).toMatchObject({ code: 0 })
  const { levels, tools } = Shown.parse(JSON.parse(ran.out))
  return [...levels, ...tools].map(({ level }) => level)
}

test('one command starts everything, one stops it, and what was accepted stays', async () => {
  const first = await up(stateDir, { TRADING_TOOLS: 'on' })
  const status = await readStatus(stateDir)
  expect(status.state).toBe('running')
  expect(status.roles.map(({ name, state }) => `${name} ${state}`)).toEqual(
    ['planner', 'worker', 'judge', 'keeper', 'gateway', 'swarm'].map((name) => `${name} ready`),
  )
  for (const { rss_bytes } of status.roles) expect(rss_bytes).toBeGreaterThan(10_000_000)
  expect(status.simulated.map(({ name }) => name)).toEqual(['x', 'exchange'])
  expect(status.tools.map(({ name, backend }) => `${name} ${backend}`)).toEqual([
    'tweet simulated',
    'trading paper',
  ])
  await postGoal(first.urls.redis, 'kept')
  await eventually(async () => expect((await readStatus(stateDir)).tasks.done).toBe(1), 15_000)
  await eventually(
    async () =>
      expect((await readStatus(stateDir)).tools.map(({ state }) => state)).toEqual([
        'open',
        'open',
      ]),
    15_000,
  )

  // A server that does not answer within 150 ms is named as not reached: it is told again then.
  const smoke = async () => expect(await moveKill('raise', '3', '--reason', 'x')).toEqual([3, 3, 3])
  await eventually(smoke, 15_000)
  const family = [first.pid, ...descendants(first.pid)]
  expect(family.length).toBeGreaterThan(10)
  const startedAt = Date.now()
  expect(await chimera(stateDir, ['down'])).toMatchObject({ code: 0 })
  expect(Date.now() - startedAt).toBeLessThan(STOP_WITHIN_MS)
  expect(stillAlive(family)).toEqual([])
  expect(await readStatus(stateDir)).toMatchObject({ state: 'down', roles: [] })

  const second = await up(stateDir, { TRADING_TOOLS: 'on' })
  expect(second.urls).toEqual(first.urls)
  expect(second.token_file).toBe(first.token_file)
  expect(await count(second.urls.postgres, 'goals')).toBe(1)
  // The tokens of the operator and the swarm, and the tools' accounts, are entered once.
  expect(await count(second.urls.postgres, 'api_tokens')).toBe(2)
  expect(await count(second.urls.postgres, 'tool_accounts')).toBe(2)
  // Nobody is safe because of a restart.
  expect(await shownKill()).toEqual([3, 3, 3])
  const putOut = async () =>
    expect(await moveKill('lower', '0', '--reason', 'x')).toEqual([0, 0, 0])
  await eventually(putOut, 15_000)
})

test('a second up is harmless and says where everything is', async () => {
  const first = await up()
  const pids = async () => (await readStatus(stateDir)).roles.map(({ pid }) => pid)
  const before = await pids()
  const again = await chimera(stateDir, ['up', '--json'])
  expect(again.code).toBe(0)
  expect(UP.parse(JSON.parse(again.out))).toEqual(first)
  const forPeople = await chimera(stateDir, ['up', '--detach'])
  expect(forPeople.code).toBe(0)
  expect(forPeople.err).toContain('running already')
  for (const way of [first.urls.gateway, 'redis-cli -s', 'curl', 'chimera goal post'])
    expect(forPeople.out).toContain(way)
  expect(await pids()).toEqual(before)
})

test('of two that are started at the same moment one starts, and both end well', async () => {
  cleanUps.push(async () => void (await chimera(stateDir, ['down'])))
  const both = await Promise.all([
    chimera(stateDir, ['up', '--detach', '--json']),
    chimera(stateDir, ['up', '--detach', '--json']),
  ])
  const [first, second] = both.map(({ out }) => UP.parse(JSON.parse(out)))
  expect(both.map(({ code }) => code)).toEqual([0, 0])
  expect(second).toEqual(first)
})

test('secrets are readable by their owner only, and stand in no log', async () => {
  await up()
  await chimera(stateDir, ['down'])
  const keys = path.join(stateDir, 'keys')
  const secrets: string[] = []
  for (const name of readdirSync(keys)) {
    const isPublic = name.endsWith('.jwks.json')
    expect([name, statSync(path.join(keys, name)).mode & 0o777]).toEqual([
      name,
      isPublic ? 0o644 : 0o600,
    ])
    const text = readFileSync(path.join(keys, name), 'utf8').trim()
    if (!isPublic) secrets.push(/"d":"([^"]+)"/.exec(text)?.[1] ?? text)
  }
  expect(secrets.length).toBeGreaterThanOrEqual(8)
  const logs = path.join(stateDir, 'logs')
  for (const name of readdirSync(logs)) {
    const text = readFileSync(path.join(logs, name), 'utf8')
    for (const secret of secrets) expect(text.includes(secret), name).toBe(false)
  }
})

test('a killed role, tool server or database is back by itself', async () => {
  const { urls, pid } = await up()
  const before = await readStatus(stateDir)
  const victims = [
    ...before.roles.filter(({ name }) => ['worker', 'judge'].includes(name)),
    ...before.tools,
  ]
  const postmaster = path.join(stateDir, 'postgres', 'data', 'postmaster.pid')
  for (const victim of victims) process.kill(victim.pid ?? 0, 'SIGKILL')
  process.kill(Number(readFileSync(postmaster, 'utf8').split('\n')[0]), 'SIGKILL')
  await eventually(async () => {
    const after = await readStatus(stateDir)
    expect(after.roles.map(({ state }) => state)).toEqual(before.roles.map(() => 'ready'))
    expect(after.roles.find(({ name }) => name === 'worker')?.restarts).toBeGreaterThanOrEqual(1)
    expect(after.tools[0]?.pid).not.toBe(before.tools[0]?.pid)
    expect(after.tools[0]?.state).toBe('open')
  }, 30_000)
  await postGoal(urls.redis, 'after')
  await eventually(async () => expect((await readStatus(stateDir)).tasks.done).toBe(1), 30_000)
  expect(stillAlive([pid])).toEqual([pid])
})

// What Ctrl-C sends, and what a terminal sends that is closed.
test.each(['SIGINT', 'SIGHUP'] as const)(
  '%s stops everything within 10 s and leaves nothing behind',
  async (signal) => {
    const supervisor = startChimera(stateDir, ['up'])
    await untilRunning()
    const family = descendants(supervisor.pid ?? 0)
    expect(family.length).toBeGreaterThan(10)
    const ended = new Promise((resolve) => {
      supervisor.once('exit', resolve)
    })
    const startedAt = Date.now()
    supervisor.kill(signal)
    expect(await ended).toBe(0)
    expect(Date.now() - startedAt).toBeLessThan(STOP_WITHIN_MS)
    expect(stillAlive(family)).toEqual([])
  },
)

test('a supervisor that is killed leaves nothing behind, and the next one starts', async () => {
  const supervisor = startChimera(stateDir, ['up'])
  await untilRunning()
  const family = descendants(supervisor.pid ?? 0)
  supervisor.kill('SIGKILL')
  await eventually(() => expect(stillAlive(family)).toEqual([]), STOP_WITHIN_MS)
  expect((await readStatus(stateDir)).state).toBe('down')
  await up()
})

test('two state directories live side by side, and one ends with the run it is in', async () => {
  const run = await openRunFolder({ env: {}, log: () => {} })
  cleanUps.push(async () => run[Symbol.asyncDispose]())
  const other = path.join(run.folder, 'chimera-of-a-test', 'state')
  const [first, second] = await Promise.all([up(), up(other)])
  const ports = [first, second].flatMap(({ urls }) =>
    [urls.gateway, urls.postgres].map((url) => new URL(url).port),
  )
  expect(new Set(ports).size).toBe(4)
  await postGoal(second.urls.redis, 'of-the-second')
  await eventually(async () => expect((await readStatus(other)).tasks.done).toBe(1), 15_000)
  expect((await readStatus(stateDir)).tasks).toEqual({})
  await chimera(stateDir, ['down'])
  expect((await readStatus(other)).state).toBe('running')
  // A test run that was interrupted leaves its detached stacks to whoever started it.
  const family = [second.pid, ...descendants(second.pid)]
  expect(family.length).toBeGreaterThan(8)
  await run[Symbol.asyncDispose]()
  expect(stillAlive(family)).toEqual([])
  expect(existsSync(run.folder)).toBe(false)
})

test('a foreign server without a word on whose goals it carries is refused with 78', async () => {
  const ran = await chimera(stateDir, ['up'], { REDIS_URL: 'redis://127.0.0.1:1' })
  expect(ran).toMatchObject({ code: 78, out: '' })
  expect(ran.err).toContain('GOALS_FROM_STREAM')
})

test('a process that cannot start is named, with its reason, and nothing stays', async () => {
  const ran = await chimera(stateDir, ['up'], { TWEET_BACKEND: 'x' })
  expect(ran.code).toBe(78)
  expect(ran.err).toMatch(/tweet exited with 78/)
  expect((await readStatus(stateDir)).state).toBe('down')
})

test.each([
  ['the stack', { CHIMERA_TYPO: '1', LOG_LEVEL: 'shout' }],
  ['a role', { LEASE_MS: 'soon' }],
])('in the background every fault that %s finds is told, too', async (_, wrong) => {
  const ran = await chimera(stateDir, ['up', '--detach', '--json'], wrong)
  expect(ran).toMatchObject({ code: 78, out: '' })
  for (const name of Object.keys(wrong)) expect(ran.err).toContain(`${name}: `)
})

test('the logs show what a process said, and a name without a log is not found', async () => {
  await up()
  const shown = await chimera(stateDir, ['logs', 'planner', '-n', '5'])
  expect(shown).toMatchObject({ code: 0 })
  expect(shown.out).toMatch(/planner +info +ready/)
  const all = await chimera(stateDir, ['logs', '--json', '-n', '200'])
  expect(all.out).toContain('"name":"gateway"')
  expect(await chimera(stateDir, ['logs', 'nobody'])).toMatchObject({ code: 3, out: '' })
  const doctor = await chimera(stateDir, ['doctor', '--json'])
  expect(z.object({ ok: z.literal(true) }).parse(JSON.parse(doctor.out)).ok).toBe(true)
})

async function untilRunning(): Promise<void> {
  await eventually(async () => expect((await readStatus(stateDir)).state).toBe('running'), 60_000)
}
