/** Memories that are in Weaviate are in a backup, and come back as they were, once. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { backup } from '@chimera/cli/commands/backup/backup'
import { restore } from '@chimera/cli/commands/backup/restore'
import { newId } from '@chimera/contracts/ids'
import type { Memory } from '@chimera/contracts/judging/memory'
import { BackupManifest } from '@chimera/infra/backup/manifest'
import { RestoreReport } from '@chimera/infra/backup/restore-report'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { openDatabase } from '@chimera/infra/database/open-database'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { updateStackRecord } from '@chimera/infra/stack/stack-record'
import { openWeaviate } from '@chimera/infra/stack/weaviate-server'
import { findWeaviateBinary } from '@chimera/infra/stack/weaviate/weaviate-binary'
import { openLog } from '@chimera/runtime/log'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'

import { openFreshDatabase, urlAs, type FreshDatabase } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { connect } from '../integration/backup-rig.ts'
import { getWeaviate, whyNoWeaviate } from '../memory/memory-rig.ts'
import { sampleMemory } from '../memory/sample-memory.ts'
import { ownRedisUrl } from '../own-redis.ts'
import { bring } from './lessons.ts'
import { whyNoOwnWeaviate } from './own-weaviate.ts'

/** More than one page of them. */
const MEMORIES = 520
const log = openLog({ name: 'memory-backup', level: 'silent' })

let scratch: string
let database: FreshDatabase
let stack: AsyncDisposableStack
let store: MemoryStore
let tenants: readonly [string, string]
let said: string[]
beforeEach(async ({ skip }) => {
  const why = whyNoWeaviate()
  if (why !== undefined) skip(why)
  stack = new AsyncDisposableStack()
  scratch = mkdtempSync(join(tmpdir(), 'memory-backup-'))
  stack.defer(() => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }))
  database = stack.use(await openFreshDatabase())
  tenants = [newId(), newId()]
  await addTenants()
  const address = { ...getWeaviate(), timeoutMs: 20_000, embedder: lexicalEmbedder }
  store = stack.use(openWeaviateMemory(address))
  said = []
})
afterEach(async () => stack.disposeAsync())

/** A database in use cannot be renamed, so whoever writes to it leaves again. */
async function addTenants(): Promise<void> {
  await using record = connect(database.databaseUrl)
  await record.query({
    text: `INSERT INTO tenants (id, name) SELECT id, 't' FROM unnest($1::uuid[]) AS id`,
    values: [tenants],
  })
}

type Env = Record<string, string | undefined>
const stateDir = (): string => join(scratch, 'state')
const nowhere = (): Env => ({
  CHIMERA_STATE_DIR: stateDir(),
  DATABASE_URL: database.databaseUrl,
  REDIS_URL: ownRedisUrl(),
  GOALS_FROM_STREAM: 'owner',
  PATH: process.env['PATH'],
})
const named = (): Env => {
  const { url, grpcUrl, apiKey } = getWeaviate()
  const way = { WEAVIATE_URL: url, WEAVIATE_GRPC_URL: grpcUrl, WEAVIATE_API_KEY: apiKey }
  return { ...nowhere(), ...way }
}

const contextOf = (env: Env, printed: string[]) => ({
  env,
  out: (line: string) => void printed.push(line),
  err: (line: string) => void said.push(line),
})

async function take(name: string, env: Env): Promise<BackupManifest> {
  const printed: string[] = []
  await backup(join(scratch, name), { json: true }, contextOf(env, printed))
  return BackupManifest.parse(JSON.parse(printed.at(-1) ?? ''))
}

/** Restores, and lets the Keeper bring what waits. */
async function bringBack(name: string): Promise<RestoreReport> {
  const printed: string[] = []
  const options = { json: true, yes: true }
  await restore(join(scratch, name), options, contextOf(named(), printed))
  const { kept_as: kept, ...report } = RestoreReport.loose().parse(JSON.parse(printed[0] ?? ''))
  const server = stack.use(connect(inject('databaseUrl')))
  stack.defer(async () => void (await server.query({ text: `DROP DATABASE "${String(kept)}"` })))
  const role = 'chimera_swarm'
  const url = urlAs(role, database.databaseUrl)
  await using swarm = openDatabase({ url, name: 'keeper', log, role, max: 2 })
  await using owner = connect(database.databaseUrl)
  await bring({ deps: { database: swarm } }, store)
  expect(await countPosted(owner)).toEqual({ waiting: 0, isRefused: false })
  return report
}

async function listAll(tenantId: string): Promise<Memory[]> {
  const all: Memory[] = []
  for (let before: string | undefined; ; before = all.at(-1)?.id) {
    const page = await store.list({ tenantId, before, limit: 500 })
    all.push(...page)
    if (page.length === 0) return all
  }
}

async function forgetAll(tenantId: string): Promise<void> {
  const ids = (await listAll(tenantId)).map(({ id }) => id)
  for (let from = 0; from < ids.length; from += 100) {
    await store.forget(tenantId, ids.slice(from, from + 100))
  }
}

async function loseAndRestore(of: { env: () => Env }): Promise<void> {
  const [one, other] = tenants
  const remembered = Array.from({ length: MEMORIES }, (_, n) => sampleMemory(`Lesson ${n}.`))
  await store.remember(one, remembered)
  await store.remember(other, [sampleMemory('Of another tenant.', { label: 'untrusted' })])
  const before = { one: await listAll(one), other: await listAll(other) }
  expect(before.one).toHaveLength(MEMORIES)
  const manifest = await take('b', of.env())
  for (const tenantId of tenants) await forgetAll(tenantId)
  const later = sampleMemory('Learnt after the backup.')
  await store.remember(one, [later])
  // Twice: a restore that was interrupted is run again.
  for (const _ of [1, 2]) {
    const report = await bringBack('b')
    expect(await listAll(one)).toEqual([later, ...before.one])
    expect(await listAll(other)).toEqual(before.other)
    expect(report.memories).toBe(MEMORIES + 1)
  }
  expect(manifest.memories).toMatchObject({ path: 'memories.jsonl', count: MEMORIES + 1 })
}

const restored = {
  id: 'memories-restored',
  title: 'memories in Weaviate are in a backup, and come back once',
  n: 1,
  seed: 6,
  timeoutMs: 300_000,
}
guarantee(restored, () => loseAndRestore({ env: named }))

control(
  {
    guard: 'the way to Weaviate in a backup',
    test: 'memories-restored',
    expect: /to deeply equal/,
    timeoutMs: 180_000,
  },
  () => loseAndRestore({ env: nowhere }),
)

test(
  'a Weaviate that does not answer keeps nobody from a backup, and is told of',
  { timeout: 180_000 },
  async () => {
    const env = { ...named(), WEAVIATE_URL: 'http://127.0.0.1:9', WEAVIATE_GRPC_URL: undefined }
    const manifest = await take('without', env)
    expect(manifest.memories).toEqual({ missing: 'Weaviate does not answer; is it running?' })
    expect(said.join('\n')).toContain('THE MEMORIES OF AGENTS ARE NOT IN THIS BACKUP')
    expect(manifest.record.length).toBeGreaterThan(0)
  },
)

test('the stack’s own Weaviate is started for a backup where the stack is down', async ({
  skip,
}) => {
  const why = await whyNoOwnWeaviate()
  if (why !== undefined) skip(why)
  const binary = (await findWeaviateBinary(process.env['PATH'] ?? '')) ?? ''
  {
    await using server = await openWeaviate({ stateDir: stateDir(), binary })
    await server.ready()
    const address = { ...server, timeoutMs: 20_000, embedder: lexicalEmbedder }
    await using own = openWeaviateMemory(address)
    await own.remember(tenants[0], [sampleMemory('Kept by the stack itself.')])
  }
  updateStackRecord(stateDir(), (record) => ({ ...record, memory: 'weaviate' }))
  expect((await take('own', nowhere())).memories).toMatchObject({ count: 1 })
}, 120_000)
