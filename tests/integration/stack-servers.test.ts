import { existsSync, statSync, writeFileSync } from 'node:fs'
import { mkdir, readFile, rm, symlink } from 'node:fs/promises'
import path from 'node:path'

import { openPostgres } from '@chimera/infra/stack/postgres-server'
import { openRedis } from '@chimera/infra/stack/redis-server'
import { findRedisBinary } from '@chimera/infra/stack/redis/redis-binary'
import { readStackRecord } from '@chimera/infra/stack/stack-record'
import { Redis } from 'ioredis'
import pg from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { descendants, eventually, makeStateFolder, startHolder, stillAlive } from './stack-rig.ts'

const log = (): void => undefined

let stateDir = ''
let remove: () => void = () => undefined
beforeEach(() => {
  const made = makeStateFolder()
  stateDir = path.join(made.folder, 'state')
  remove = made.remove
})
afterEach(() => remove())

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(text)).rows
  } finally {
    await client.end()
  }
}

async function command(socket: string, ...words: [string, ...string[]]): Promise<unknown> {
  const client = new Redis(socket, { lazyConnect: true, maxRetriesPerRequest: 0 })
  client.on('error', () => undefined)
  try {
    await client.connect()
    return await client.call(...words)
  } finally {
    client.disconnect()
  }
}

test('PostgreSQL 18 starts, keeps its data and its port, and stops', async () => {
  let first = ''
  {
    await using server = await openPostgres({ stateDir, log })
    first = server.url
    await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
    const [settings] = await query(
      server.url,
      `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
         current_setting('server_version_num')::int / 10000 AS version, current_database() AS name`,
    )
    expect(settings).toEqual({ fsync: 'on', commit: 'on', version: 18, name: 'chimera' })
  }
  await expect(query(first, 'SELECT 1')).rejects.toThrow('ECONNREFUSED')
  await using server = await openPostgres({ stateDir, log })
  expect(server.url).toBe(first)
  expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
})

test('PostgreSQL wants its password, and the password is in a file of 0600', async () => {
  await using server = await openPostgres({ stateDir, log, durable: false })
  const wrong = server.url.replace(/:[^:@]+@/, ':wrong@')
  await expect(query(wrong, 'SELECT 1')).rejects.toThrow('password authentication failed')
  const file = path.join(stateDir, 'keys', 'postgres.password')
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(server.url).toContain((await readFile(file, 'utf8')).trim())
})

/** What PostgreSQL does under root cannot be seen as somebody else. */
const needsRoot = (skip: (why: string) => void): void => {
  if (process.getuid?.() !== 0) skip('only root can start PostgreSQL as nobody: run as root')
}

test('under root PostgreSQL runs as nobody', async ({ skip }) => {
  needsRoot(skip)
  await using server = await openPostgres({ stateDir, log, durable: false })
  expect(await query(server.url, 'SELECT 1 AS up')).toEqual([{ up: 1 }])
  const data = statSync(path.join(stateDir, 'postgres', 'data'))
  expect(data.uid).not.toBe(0)
  expect(data.mode & 0o777).toBe(0o700)
})

test('under root PostgreSQL works below a folder that is closed to others', async ({ skip }) => {
  needsRoot(skip)
  const closed = path.join(stateDir, 'home')
  await mkdir(closed, { recursive: true, mode: 0o700 })
  const inside = path.join(closed, 'state')
  for (const expected of ['first', 'second']) {
    await using server = await openPostgres({ stateDir: inside, log, durable: false })
    await query(server.url, 'CREATE TABLE IF NOT EXISTS kept (word text)')
    await query(server.url, `INSERT INTO kept VALUES ('${expected}')`)
    const rows = await query(server.url, 'SELECT word FROM kept ORDER BY word')
    expect(rows.map(({ word }) => word)).toContain(expected)
    if (expected === 'second') expect(rows).toHaveLength(2)
  }
  // Root keeps the data of such a state directory where others can reach it.
  const { postgres_base: base } = readStackRecord(inside)
  expect(base).toMatch(/^\/var\/lib\/chimera\/\w{16}$/)
  await rm(base ?? '', { recursive: true })
})

test('a killed PostgreSQL is back, with everything that was committed', async () => {
  await using server = await openPostgres({ stateDir, log })
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const pidFile = path.join(stateDir, 'postgres', 'data', 'postmaster.pid')
  const [pid] = (await readFile(pidFile, 'utf8')).split('\n')
  process.kill(Number(pid), 'SIGKILL')
  await eventually(async () => {
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  }, 15_000)
})

test('a backend that outlives its postmaster keeps no new one from starting', async ({ skip }) => {
  if (process.platform !== 'linux') skip('only Linux tells which backends are left: run on Linux')
  await using server = await openPostgres({ stateDir, log })
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const pidFile = path.join(stateDir, 'postgres', 'data', 'postmaster.pid')
  const postmaster = Number((await readFile(pidFile, 'utf8')).split('\n')[0])
  const [left = 0] = descendants(postmaster)
  // As one that waits for a lock which its dead sister holds: it hears of nothing any more.
  process.kill(left, 'SIGSTOP')
  process.kill(postmaster, 'SIGKILL')
  await eventually(async () => {
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  }, 20_000)
  expect(stillAlive([left])).toEqual([])
})

test('a PostgreSQL that hangs in its recovery is replaced', async () => {
  await using server = await openPostgres({ stateDir, log, recoveryPatienceMs: 2_000 })
  await query(server.url, 'CREATE TABLE kept AS SELECT 42 AS answer')
  const pidFile = path.join(stateDir, 'postgres', 'data', 'postmaster.pid')
  const postmaster = Number((await readFile(pidFile, 'utf8')).split('\n')[0])
  const [victim = 0, sleeper = 0] = descendants(postmaster)
  const logFile = path.join(stateDir, 'logs', 'postgres.log')
  // It waits for the one that sleeps, and so is caught in the middle.
  process.kill(sleeper, 'SIGSTOP')
  process.kill(victim, 'SIGKILL')
  await eventually(async () => {
    expect(await readFile(logFile, 'utf8')).toContain('terminating any other active server')
  }, 5_000)
  process.kill(postmaster, 'SIGSTOP')
  process.kill(sleeper, 'SIGCONT')
  await eventually(async () => {
    expect(await query(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }])
  }, 20_000)
  expect(Number((await readFile(pidFile, 'utf8')).split('\n')[0])).not.toBe(postmaster)
})

test('a pid file that names somebody else is no obstacle', async () => {
  {
    await using server = await openPostgres({ stateDir, log, durable: false })
    await query(server.url, 'SELECT 1')
  }
  const data = path.join(stateDir, 'postgres', 'data')
  writeFileSync(path.join(data, 'postmaster.pid'), `${process.pid}\n${data}\n1\n5432\n\n\n\n\n`)
  await using server = await openPostgres({ stateDir, log, durable: false })
  expect(await query(server.url, 'SELECT 1 AS up')).toEqual([{ up: 1 }])
})

test('a first start that was interrupted is begun again', async () => {
  await mkdir(path.join(stateDir, 'postgres', 'data.fresh', 'base'), { recursive: true })
  writeFileSync(path.join(stateDir, 'postgres', 'data.fresh', 'PG_VERSION'), '18\n')
  await using server = await openPostgres({ stateDir, log, durable: false })
  expect(await query(server.url, 'SELECT 1 AS up')).toEqual([{ up: 1 }])
})

test('Redis listens on a private socket only, and keeps what it was told', async () => {
  let socket = ''
  {
    await using server = await openRedis({ stateDir, log, install: true })
    socket = server.url
    expect(path.isAbsolute(socket)).toBe(true)
    expect(statSync(path.dirname(socket)).mode & 0o777).toBe(0o700)
    expect(await command(socket, 'SET', 'kept', 'yes')).toBe('OK')
    expect(await command(socket, 'CONFIG', 'GET', 'port')).toEqual(['port', '0'])
    expect(await command(socket, 'CONFIG', 'GET', 'appendfsync')).toEqual([
      'appendfsync',
      'everysec',
    ])
  }
  await using server = await openRedis({ stateDir, log, install: false })
  expect(server.url).toBe(socket)
  expect(await command(socket, 'GET', 'kept')).toBe('yes')
})

test('Redis below a folder with a long name takes a short private one', async () => {
  const long = path.join(stateDir, 'x'.repeat(120))
  await using server = await openRedis({ stateDir: long, log, install: false })
  expect(Buffer.byteLength(server.url)).toBeLessThanOrEqual(107)
  expect(statSync(path.dirname(server.url)).mode & 0o777).toBe(0o700)
  expect(await command(server.url, 'PING')).toBe('PONG')
  await rm(path.dirname(server.url), { recursive: true })
})

test("Debian's redis-tools are enough: its program is the server", async ({ skip }) => {
  const program = '/usr/bin/redis-check-rdb'
  if (!existsSync(program)) skip(`there is no ${program}: install redis-tools`)
  const bin = path.join(stateDir, 'bin')
  await mkdir(bin, { recursive: true })
  await symlink(program, path.join(bin, 'redis-check-rdb'))
  const options = { searchPath: bin, moreFolders: [], linkFolder: stateDir, install: false, log }
  const found = await findRedisBinary(options)
  expect(found.file).toBe(path.join(stateDir, 'redis-server'))
  expect(Number(found.version.split('.')[0])).toBeGreaterThanOrEqual(7)
})

test('a killed Redis is back on its socket, on its own append-only file alone', async () => {
  await using server = await openRedis({ stateDir, log, install: false })
  await command(server.url, 'SET', 'kept', 'yes')
  await command(server.url, 'WAITAOF', '0', '0', '0').catch(() => undefined)
  const pid = Number(await readFile(path.join(stateDir, 'redis', 'redis.pid'), 'utf8'))
  // The shell of the lifeline dies, not the server: the server is an orphan for a moment.
  process.kill(server.pid() ?? 0, 'SIGKILL')
  await eventually(async () => {
    expect(await command(server.url, 'GET', 'kept')).toBe('yes')
    const now = Number(await readFile(path.join(stateDir, 'redis', 'redis.pid'), 'utf8'))
    expect(now).not.toBe(pid)
  }, 15_000)
  expect(stillAlive([pid])).toEqual([])
})

test('a machine without a Redis server is told what to type', async () => {
  const nowhere = findRedisBinary({
    searchPath: '/nonexistent',
    moreFolders: [],
    linkFolder: stateDir,
    install: false,
    log,
  })
  await expect(nowhere).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await expect(nowhere).rejects.toThrow(/No redis-server or valkey-server 7 or newer was found/)
})

test('two state directories live side by side', async () => {
  await using first = await openPostgres({ stateDir, log, durable: false })
  await using second = await openPostgres({ stateDir: `${stateDir}-2`, log, durable: false })
  expect(new URL(first.url).port).not.toBe(new URL(second.url).port)
  await query(first.url, 'CREATE TABLE only_first ()')
  await expect(query(second.url, 'SELECT FROM only_first')).rejects.toThrow('does not exist')
})

test('a state directory that is in use is refused, and its server is left alone', async () => {
  await using first = await openPostgres({ stateDir, log, durable: false })
  await expect(openPostgres({ stateDir, log, durable: false })).rejects.toThrow('in use')
  expect(await query(first.url, 'SELECT 1 AS up')).toEqual([{ up: 1 }])
})

const noOrphans = {
  id: 'no-orphans',
  title: 'servers die with the process that opened them, however it dies',
  n: 1,
  seed: 1,
}

guarantee(noOrphans, async () => {
  await expectNoOrphans(`
    import { openPostgres } from '@chimera/infra/stack/postgres-server'
    import { openRedis } from '@chimera/infra/stack/redis-server'
    const options = { stateDir: ${JSON.stringify(stateDir)}, log: () => {}, install: false }
    globalThis.held = [await openPostgres({ ...options, durable: false }), await openRedis(options)]
  `)
})

control(
  { guard: 'the lifeline around a server', test: 'no-orphans', expect: /to deeply equal \[\]/ },
  async () => {
    await expectNoOrphans(`
      import { spawn } from 'node:child_process'
      const child = spawn('/bin/sh', ['-c', 'trap "" HUP; while :; do sleep 1; done'], {
        detached: true,
        stdio: 'ignore',
      })
      await new Promise((resolve) => child.once('spawn', resolve))
    `)
  },
)

async function expectNoOrphans(code: string): Promise<void> {
  const { child } = await startHolder(code)
  const family = descendants(child.pid ?? 0)
  try {
    expect(family.length).toBeGreaterThan(0)
    child.kill('SIGKILL')
    await eventually(() => expect(stillAlive(family)).toEqual([]), 3000)
  } finally {
    for (const pid of stillAlive(family)) process.kill(pid, 'SIGKILL')
  }
}
