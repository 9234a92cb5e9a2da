/** What a recall in PostgreSQL may take: of the process, and of the record. */
import { newId } from '@chimera/contracts/ids'
import {
  lookAtShelf,
  readCandidates,
  readShelfPage,
} from '@chimera/infra/database/memories/search-memories'
import { openDatabase, type Sql, type Statement } from '@chimera/infra/database/open-database'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import { MemoryShelves } from '@chimera/infra/memory/postgres/memory-shelves'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { openLog } from '@chimera/runtime/log'
import { expect } from 'vitest'
import { z } from 'zod'

import { openFreshDatabase, urlAs } from '../fresh-database.ts'
import { control, guarantee, sampleSize, seeded, type Random } from '../guarantee.ts'
import { sampleMemory } from '../memory/sample-memory.ts'

const role = 'chimera_swarm'
const log = openLog({ name: 'memory-shelves', level: 'silent' })
const MIB = 2 ** 20

/** The memories of one tenant, seen as the swarm sees them. */
async function openRig(shelves = new MemoryShelves()) {
  await using opening = new AsyncDisposableStack()
  const owner = opening.use(await openFreshDatabase())
  const tenantId = newId()
  await owner.query({ text: `INSERT INTO tenants (id, name) VALUES ($1, 't')`, values: [tenantId] })
  const url = urlAs(role, owner.databaseUrl)
  const database = opening.use(openDatabase({ url, name: 'memory-shelves', log, role, max: 4 }))
  const scopeOf = (id: string) => ({ tenantIds: [id] })
  const embedder = lexicalEmbedder
  const store = opening.use(openPostgresMemory({ database, embedder, scopeOf, shelves }))
  const stack = opening.move()
  const scope = scopeOf(tenantId)
  return { tenantId, database, scope, store, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}
type Rig = Awaited<ReturnType<typeof openRig>>

async function remember(rig: Rig, agentId: string, count: number): Promise<void> {
  const words = (n: number) => `Number ${n} of ${agentId} says ${n % 7} lightning fees and ${n}.`
  const memories = Array.from({ length: count }, (_, n) =>
    sampleMemory(words(n), { agent_id: agentId }),
  )
  await rig.store.remember(rig.tenantId, memories)
}

/** Questions about more agents than there is room for, four at a time. */
async function askMany(of: { shelves: MemoryShelves; n: number; random: Random }): Promise<void> {
  await using rig = await openRig(of.shelves)
  const agents = Array.from({ length: 12 }, (_, n) => `agent-${n}`)
  for (const agent of agents) await remember(rig, agent, 200)
  const ask = async (): Promise<void> => {
    const agentId = of.random.pick(agents)
    const n = of.random.integer(0, 199)
    const question = `what says number ${n} of ${agentId}?`
    const asked = { tenantId: rig.tenantId, agentId, question, limit: 1 }
    const [found] = await rig.store.recall(asked)
    expect(found?.content).toContain(`Number ${n} of ${agentId} says`)
    expect(of.shelves.byteSize, 'bytes of all shelves').toBeLessThanOrEqual(MIB)
  }
  for (let asked = 0; asked < of.n; asked += 4) await Promise.all([ask(), ask(), ask(), ask()])
  expect(of.shelves.size).toBeGreaterThan(1)
}

const bounded = { id: 'recall-memory-bounded', n: sampleSize({ ci: 48, full: 2_000 }), seed: 11 }
guarantee(
  { ...bounded, title: 'a process that is asked about many agents keeps a few at hand' },
  async ({ n, random }) => {
    await askMany({ shelves: new MemoryShelves({ mostBytes: MIB }), n, random })
  },
)
control({ guard: 'eviction', test: bounded.id, expect: /bytes of all shelves/ }, async () => {
  const shelves = new MemoryShelves({ mostBytes: Infinity })
  await askMany({ shelves, n: 48, random: seeded(11) })
})

type PlanNode = { [key: string]: unknown; Plans?: PlanNode[] | undefined }
const PlanNode: z.ZodType<PlanNode> = z.looseObject({
  get Plans() {
    return z.array(PlanNode).optional()
  },
})
const Explained = z.object({ 'QUERY PLAN': z.array(z.object({ Plan: PlanNode })) })

/** Rows that a plan takes from tables, those included that it looked at in vain. */
function readBy(node: PlanNode): number {
  const number = (name: string): number => z.number().catch(0).parse(node[name])
  const own = 'Relation Name' in node ? number('Actual Rows') : 0
  const below = (node.Plans ?? []).reduce((sum, plan) => sum + readBy(plan), 0)
  return (own + number('Rows Removed by Filter')) * number('Actual Loops') + below
}

/** Rows that the statements of some work read, planned without values as prepared ones are. */
async function rowsRead(
  rig: Rig,
  of: { work: (sql: Sql) => Promise<unknown>; change?: (text: string) => string },
): Promise<number> {
  const { change = (text) => text } = of
  let sum = 0
  await rig.database.transaction(async (tx) => {
    await tx.query({ text: 'SET LOCAL plan_cache_mode = force_generic_plan' })
    const query = async ({ text, values = [] }: Statement): Promise<never[]> => {
      const explain = `EXPLAIN (ANALYZE, FORMAT json) ${change(text)}`
      const rows = await tx.query({ name: `explained-${newId()}`, text: explain, values })
      sum += readBy(Explained.parse(rows[0])['QUERY PLAN'][0]?.Plan ?? {})
      return []
    }
    await of.work({ query })
  }, rig.scope)
  return sum
}

const HELD = 3_000
const NEWS = 5

/** A shelf that is at hand: what a look reads, the page of what was written since, and the rows. */
async function readNews(change?: (text: string) => string): Promise<void> {
  await using rig = await openRig()
  // PostgreSQL was told of nothing: its statistics know of no memories.
  for (const agent of ['one', 'other']) await remember(rig, agent, HELD / 2)
  const of = { ...rig, agentId: 'one', embedder: lexicalEmbedder.name }
  const ids = (await rig.store.list({ ...of, limit: NEWS })).map(({ id }) => id)
  const after = { revision: HELD / 2 - NEWS, id: newId() }
  const work = async (sql: Sql) => {
    await lookAtShelf(sql, of)
    await readShelfPage(sql, { ...of, after, limit: 1_000 })
    await readCandidates(sql, { ...of, ids })
  }
  const read = await rowsRead(rig, { work, ...(change === undefined ? {} : { change }) })
  expect(read, 'rows read for a look at a few').toBeLessThanOrEqual(10 * NEWS)
  expect(read).toBeGreaterThan(2 * NEWS)
}

const brief = { id: 'recall-reads-news', n: HELD, seed: 1 }
guarantee({ ...brief, title: 'a recall reads what is new, however much there is' }, () =>
  readNews(),
)
const tooMany = { test: brief.id, expect: /rows read for a look at a few/ }
control({ guard: 'the look at one place', ...tooMany }, () =>
  readNews((text) =>
    text.replaceAll(
      /EXISTS \(SELECT FROM memories o\s+WHERE (.+) AND o.embedder . \$3\)/g,
      (_, of) =>
        `(SELECT min(o.embedder) <> $3 OR max(o.embedder) <> $3 FROM memories o WHERE ${of})`,
    ),
  ),
)
control({ guard: 'rows that are found by their ids alone', ...tooMany }, () =>
  readNews((text) => text.replace('= ANY ($2::uuid[])', `$& AND agent_id = 'one'`)),
)
