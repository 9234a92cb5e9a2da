/** What a connection has planned while there were few memories, and does when there are many. */
import { newId } from '@chimera/contracts/ids'
import {
  lookAtShelf,
  readCandidates,
  readShelfPage,
} from '@chimera/infra/database/memories/search-memories'
import { openDatabase, type Database, type Statement } from '@chimera/infra/database/open-database'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import { openPostgresMemory, scopeOfRecall } from '@chimera/infra/memory/postgres/postgres-memory'
import { openLog } from '@chimera/runtime/log'
import { expect } from 'vitest'

import { openFreshDatabase, urlAs } from '../fresh-database.ts'
import { control, guarantee } from '../guarantee.ts'
import { sampleMemory } from '../memory/sample-memory.ts'

const log = openLog({ name: 'memory-old-plans', level: 'silent' })
const role = 'chimera_swarm'
const AGENT = 'one'
const FEW = 10
const MANY = 4_000

/** The statements of a recall, as the connection of a process keeps them. */
async function statementsOf(tenantId: string): Promise<Statement[]> {
  const found: Statement[] = []
  const query = async (statement: Statement): Promise<never[]> => {
    found.push(statement)
    return []
  }
  const of = { tenantId, agentId: AGENT, embedder: lexicalEmbedder.name }
  await lookAtShelf({ query }, of)
  const after = { revision: MANY + FEW, id: newId() }
  await readShelfPage({ query }, { ...of, after, limit: 1_000 })
  await readCandidates({ query }, { ...of, ids: [newId(), newId()] })
  return found
}

const literal = (value: unknown): string =>
  Array.isArray(value) ? `'{${value.join(',')}}'` : `'${String(value)}'`

/** Whether a plan that was kept goes through the whole table. */
async function goesThroughAll(
  database: Database,
  of: { tenantId: string; isHeld: boolean },
): Promise<boolean> {
  const scope = { tenantIds: [of.tenantId] }
  const statements = await statementsOf(of.tenantId)
  return database.transaction(
    async (tx) => {
      await tx.query({ text: 'SET LOCAL plan_cache_mode = force_generic_plan' })
      const plans: string[] = []
      for (const { name = '', text, values = [] } of statements) {
        const known = `SELECT FROM pg_prepared_statements WHERE name = 'old ${name}'`
        if ((await tx.query({ text: known })).length === 0) {
          await tx.query({ text: `PREPARE "old ${name}" AS ${text}` })
        }
        const asked = `EXPLAIN EXECUTE "old ${name}"(${values.map(literal).join(', ')})`
        const rows = await tx.query<{ 'QUERY PLAN': string }>({ text: asked })
        plans.push(...rows.map((row) => row['QUERY PLAN']))
      }
      return plans.some((line) => /Seq Scan on memories/.test(line))
    },
    of.isHeld ? scopeOfRecall(scope) : scope,
  )
}

async function expectIndexes(isHeld: boolean): Promise<void> {
  await using owner = await openFreshDatabase()
  const tenantId = newId()
  await owner.query({ text: `INSERT INTO tenants (id, name) VALUES ($1, 't')`, values: [tenantId] })
  const url = urlAs(role, owner.databaseUrl)
  await using database = openDatabase({ url, name: 'memory-old-plans', log, role, max: 1 })
  const scopeOf = (id: string) => ({ tenantIds: [id] })
  await using store = openPostgresMemory({ database, embedder: lexicalEmbedder, scopeOf })
  const remember = (count: number): Promise<unknown> =>
    store.remember(
      tenantId,
      Array.from({ length: count }, (_, n) => sampleMemory(`fees ${n}`, { agent_id: AGENT })),
    )
  await remember(FEW)
  await owner.query({ text: 'ANALYZE memories' })
  await goesThroughAll(database, { tenantId, isHeld })
  for (let left = MANY; left > 0; left -= 500) await remember(500)
  const isThrough = await goesThroughAll(database, { tenantId, isHeld })
  expect(isThrough, 'a kept plan goes through all memories').toBe(false)
}

const kept = { id: 'recall-old-plans', n: MANY, seed: 1 }
guarantee({ ...kept, title: 'a recall goes by indexes, whatever was planned before' }, () =>
  expectIndexes(true),
)
control(
  { guard: 'indexes alone', test: kept.id, expect: /a kept plan goes through all memories/ },
  () => expectIndexes(false),
)
