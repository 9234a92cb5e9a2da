import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { backup } from '@chimera/cli/commands/backup/backup'
import { restore } from '@chimera/cli/commands/backup/restore'
import { DEFAULT_TENANT } from '@chimera/contracts/ids'
import { handleOf, mediaFileName } from '@chimera/contracts/media'
import { BackupManifest } from '@chimera/infra/backup/manifest'
import { RestoreReport } from '@chimera/infra/backup/restore-report'
import { draftAudit, appendAudit } from '@chimera/infra/database/append-audit'
import { insertGoals } from '@chimera/infra/database/goals/insert-goals'
import type { Database } from '@chimera/infra/database/open-database'
import { stateDirPaths } from '@chimera/infra/stack/state-dir'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'

import { openFreshDatabase, type FreshDatabase } from '../fresh-database.ts'
import { ownRedisUrl } from '../own-redis.ts'
import { connect } from './backup-rig.ts'

let scratch: string
let database: FreshDatabase
let stack: AsyncDisposableStack

beforeEach(async () => {
  stack = new AsyncDisposableStack()
  scratch = mkdtempSync(join(tmpdir(), 'chimera-backup-'))
  stack.defer(() => rmSync(scratch, { recursive: true, force: true }))
  database = stack.use(await openFreshDatabase())
})
afterEach(() => stack.disposeAsync())

const CANARY = 'chimera_op_canary-of-the-keys'
const folder = (name: string) => join(scratch, name)

/** The commands in this process, on a state directory of the test. */
function chimera() {
  const said: string[] = []
  const context = {
    env: {
      CHIMERA_STATE_DIR: folder('state'),
      DATABASE_URL: database.databaseUrl,
      REDIS_URL: ownRedisUrl(),
      GOALS_FROM_STREAM: 'owner',
    },
    out: (line: string) => void said.push(line),
    err: () => {},
  }
  const last = (): unknown => JSON.parse(said.at(-1) ?? '')
  return {
    backup: async (name: string, options: { keys?: string } = {}) => {
      await backup(folder(name), { json: true, ...options }, context)
      return BackupManifest.parse(last())
    },
    restore: async (name: string, options: { yes?: boolean } = { yes: true }) => {
      await restore(folder(name), { json: true, ...options }, context)
      const { kept_as: kept, ...report } = RestoreReport.extend({ kept_as: z.string() }).parse(
        last(),
      )
      const server = connect(inject('databaseUrl'))
      stack.use(server)
      stack.defer(async () => {
        await server.query({ text: `DROP DATABASE "${kept}"` })
      })
      return report
    },
  }
}

async function postGoal(sql: Database, id: string, text: string): Promise<void> {
  await sql.transaction(async (tx) => {
    const audit = draftAudit()
    const goal = { text, mode: 'paper' as const }
    const own = { tenantId: DEFAULT_TENANT, source: 'http', trust: 'owner' } as const
    await insertGoals(tx, [{ ...own, id, goal }], audit)
    await appendAudit(tx, audit, 'test')
  })
}

/** Every row of every table as text, and none of what a restore is meant to change. */
async function readAll(sql: Database): Promise<Record<string, string[]>> {
  const all: Record<string, string[]> = {}
  for (const table of ['tenants', 'audit_entries', 'goals', 'api_tokens', 'dead_letters']) {
    const rows = await sql.query<{ row: string }>({
      text: `SELECT t::text AS row FROM ${table} t ORDER BY 1`,
    })
    all[table] = rows.map(({ row }) => row)
  }
  return all
}

/** A database in use cannot be renamed, so whoever looks at it leaves again. */
async function look<T>(work: (record: Database) => Promise<T>): Promise<T> {
  await using record = connect(database.databaseUrl)
  return await work(record)
}

test('what was backed up under load is whole, and comes back as it was', async () => {
  const { backup: take, restore: bring } = chimera()
  const odd = 'line\nbreak \u2028 \u{1F600} "quoted" \\ back'
  await look(async (record) => {
    await postGoal(record, 'odd', odd)
    await record.query({
      text: `INSERT INTO idempotency_keys
          (tenant_id, principal, route, key, body_hash, status, response)
      VALUES ($1, 'p', 'r', 'k', 'h', 204, 'null'), ($1, 'p', 'r', 'k2', 'h', 200, '{"n": 1e400}')`,
      values: [DEFAULT_TENANT],
    })
  })
  const load = () =>
    look(async (record) => {
      for (let n = 0; n < 300; n += 1) await postGoal(record, `load-${n}`, `goal ${n}`)
    })
  const [manifest] = await Promise.all([take('b'), load()])
  const goals = manifest.record.find(({ table }) => table === 'goals')
  const audit = manifest.record.find(({ table }) => table === 'audit_entries')
  expect(goals?.rows).toBeLessThanOrEqual(301)
  // One moment: each goal came with its audit entry.
  expect(audit?.rows).toBe(goals?.rows)

  const report = await bring('b')
  expect(report.rows['goals']).toBe(goals?.rows)
  await using restored = connect(database.databaseUrl)
  const all = await readAll(restored)
  expect(all['goals']).toHaveLength(goals?.rows ?? -1)
  const [row] = await restored.query<{ content: { text: string } }>({
    text: `SELECT content FROM goals WHERE id = 'odd'`,
  })
  expect(row?.content.text).toBe(odd)
  const keys = await restored.query({ text: 'SELECT response FROM idempotency_keys ORDER BY key' })
  expect(keys).toHaveLength(2)
  const [life] = await restored.query<{ incarnation: string }>({
    text: 'SELECT incarnation FROM record_incarnation',
  })
  expect(life?.incarnation).toBe(report.incarnation)
  expect(report.incarnation).not.toBe(manifest.incarnation)
  const restores = await restored.query({ text: 'SELECT incarnation FROM record_restores' })
  expect(restores).toEqual([{ incarnation: report.incarnation }])
})

test('rows come back byte by byte, and a second restore takes the same backup', async () => {
  const { backup: take, restore: bring } = chimera()
  const before = await look(async (record) => {
    for (let n = 0; n < 5; n += 1) await postGoal(record, `g-${n}`, `goal ${n}`)
    return readAll(record)
  })
  await take('b')
  const first = await bring('b')
  const second = await bring('b').catch((error: unknown) => error)
  expect(second).toMatchObject({ previous: first.previous })
  await using restored = connect(database.databaseUrl)
  const { audit_entries: audit = [], ...rest } = await readAll(restored)
  const { audit_entries: auditBefore = [], ...restBefore } = before
  expect(rest).toEqual(restBefore)
  // The restore's own entry is the only new one.
  expect(audit.filter((row) => !auditBefore.includes(row))).toHaveLength(1)
})

test('keys stand apart, and only when they are asked for', async () => {
  const { backup: take } = chimera()
  const { keys } = stateDirPaths(folder('state'))
  mkdirSync(keys, { recursive: true })
  for (const name of ['operator.token', 'postgres.password'])
    writeFileSync(join(keys, name), CANARY, { mode: 0o600 })
  expect(await take('without')).toMatchObject({ keys: 'none' })
  expect(await take('with', { keys: folder('apart') })).toMatchObject({ keys: 'apart' })
  const holding = ['without', 'with', 'apart'].flatMap((name) =>
    readdirSync(folder(name), { recursive: true, withFileTypes: true })
      .filter((one) => one.isFile())
      .map((one) => join(one.parentPath, one.name))
      .filter((file) => readFileSync(file, 'utf8').includes(CANARY)),
  )
  // The password belongs to the database server of this machine, not to the record.
  expect(holding).toEqual([join(folder('apart'), 'operator.token')])
  expect(statSync(join(folder('apart'), 'operator.token')).mode & 0o777).toBe(0o600)
})

test('images come back, and what is there stays; one that was altered is left out', async () => {
  const { backup: take, restore: bring } = chimera()
  const { media } = stateDirPaths(folder('state'))
  mkdirSync(media, { recursive: true })
  const keep = (content: string, as = content): string => {
    const name = mediaFileName(handleOf(Buffer.from(as)))
    writeFileSync(join(media, name), content)
    return name
  }
  const [kept, altered] = [keep('an image'), keep('not what it was', 'what it was')]
  writeFileSync(join(media, 'half.new'), 'a copy that was interrupted')
  const manifest = await take('b')
  expect(manifest.media?.map(({ path }) => path)).toEqual([`media/${kept}`])
  expect(existsSync(join(folder('b'), 'media', altered))).toBe(false)

  rmSync(media, { recursive: true })
  mkdirSync(media)
  const later = keep('added after the backup')
  await bring('b')
  expect(readdirSync(media).toSorted()).toEqual([kept, later].toSorted())
  expect(readFileSync(join(media, kept), 'utf8')).toBe('an image')
  expect(statSync(join(media, kept)).mode & 0o777).toBe(0o600)
})

test('an image of a backup that was altered restores nothing', async () => {
  const { backup: take, restore: bring } = chimera()
  const { media } = stateDirPaths(folder('state'))
  mkdirSync(media, { recursive: true })
  const name = mediaFileName(handleOf(Buffer.from('an image')))
  writeFileSync(join(media, name), 'an image')
  await take('b')
  writeFileSync(join(folder('b'), 'media', name), 'another!')
  await expect(bring('b')).rejects.toMatchObject({ code: 'BACKUP_INVALID' })
})

test('a backup goes into a folder of its own, whole or not at all', async () => {
  const { backup: take } = chimera()
  mkdirSync(folder('full'))
  writeFileSync(join(folder('full'), 'note'), 'mine')
  await expect(take('full')).rejects.toMatchObject({ code: 'INPUT_INVALID' })
  expect(readdirSync(folder('full'))).toEqual(['note'])
  await expect(take('b', { keys: folder('b/keys') })).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  })
  mkdirSync(folder('empty'))
  await take('empty')
  expect(statSync(join(folder('empty'), 'record', 'goals.jsonl')).mode & 0o777).toBe(0o600)
  expect(readdirSync(scratch).filter((name) => name.includes('partial'))).toEqual([])
})

test.each([
  ['a row that was changed', 'record/tenants.jsonl', (file: string) => appendFileSync(file, ' ')],
  ['a file that is gone', 'record/goals.jsonl', (file: string) => rmSync(file)],
  [
    'a manifest that was changed',
    'manifest.json',
    (file: string) =>
      writeFileSync(file, readFileSync(file, 'utf8').replace('"rows": 1', '"rows": 2')),
  ],
  ['no manifest: it was interrupted', 'manifest.json', (file: string) => rmSync(file)],
])('%s is found before anything is touched', async (_, name, spoil) => {
  const { backup: take, restore: bring } = chimera()
  await take('b')
  spoil(join(folder('b'), name))
  const before = await look(readAll)
  await expect(bring('b')).rejects.toMatchObject({
    code: 'BACKUP_INVALID',
    message: expect.stringContaining(name),
  })
  expect(await look(readAll)).toEqual(before)
})

test('without --yes nothing is changed, and while somebody works on it neither', async () => {
  const { backup: take, restore: bring } = chimera()
  await take('b')
  await expect(bring('b', {})).rejects.toMatchObject({ code: 2 })
  await using busy = connect(database.databaseUrl)
  await busy.query({ text: 'SELECT 1' })
  await expect(bring('b')).rejects.toMatchObject({ code: 'STACK_RUNNING' })
  expect(existsSync(folder('b'))).toBe(true)
})
