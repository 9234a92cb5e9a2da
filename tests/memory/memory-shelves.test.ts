import type { PageMark, ShelfRow } from '@chimera/infra/database/memories/search-memories'
import { MemoryShelves } from '@chimera/infra/memory/postgres/memory-shelves'
import { expect, test } from 'vitest'

import { control, guarantee, type Random, seeded } from '../guarantee.ts'

const PLACES = 8
const everything = {
  asked: Int8Array.from({ length: PLACES }, () => 1),
  words: ['known'],
  limit: 10_000,
  onlyTrusted: false,
}

/** One agent's memories as a record has them, which counts what is read of it. */
class RecordOfAgent {
  readonly rows: ShelfRow[] = []
  revision = 0
  pages = 0

  write(count: number, name = 'm'): void {
    for (let n = 0; n < count; n += 1) {
      this.revision += 1
      const id = `${name}-${String(this.revision).padStart(6, '0')}`
      const vector = Int8Array.from({ length: PLACES }, (_, at) => (at + this.revision) % 100)
      const words = ['known', `word${this.revision}`]
      this.rows.push({ id, revision: this.revision, isTrusted: true, vector, words })
    }
  }

  readonly readPage = async (after: PageMark, limit: number): Promise<readonly ShelfRow[]> => {
    this.pages += 1
    await Promise.resolve()
    return this.rows.filter(({ revision }) => revision > after.revision).slice(0, limit)
  }
}

type Readable = Pick<RecordOfAgent, 'revision' | 'rows' | 'readPage'>

async function idsOf(shelves: MemoryShelves, key: string, agent: Readable): Promise<string[]> {
  const { revision, readPage } = agent
  const look = { revision, held: agent.rows.length, isMixed: false }
  const wish = { key, places: PLACES, look, known: shelves.revisionOf(key), readPage }
  const found = await shelves.search(wish, (shelf) => shelf.candidates(everything))
  return found.map(({ id }) => id).toSorted()
}

const allOf = ({ rows }: RecordOfAgent): string[] => rows.map(({ id }) => id).toSorted()

/** Many agents in any order, several at a time; each is answered all it has, and they fit. */
async function askMany(of: {
  shelves: MemoryShelves
  mostBytes: number
  n: number
  random: Random
}): Promise<void> {
  const { shelves, mostBytes, n, random } = of
  const agents = Array.from({ length: 40 }, (_, at) => {
    const agent = new RecordOfAgent()
    agent.write(random.integer(1, 300))
    return { key: `agent-${at}`, agent }
  })
  for (let asked = 0; asked < n; asked += 4) {
    const some = Array.from({ length: 4 }, () => random.pick(agents))
    random.pick(agents).agent.write(random.integer(0, 3))
    await Promise.all(
      some.map(async ({ key, agent }) => {
        const expected = allOf(agent)
        expect(await idsOf(shelves, key, agent)).toEqual(expected)
        expect(shelves.byteSize, 'bytes of all shelves').toBeLessThanOrEqual(mostBytes)
      }),
    )
  }
  // It could have kept more than a few, and had to give some away.
  expect(shelves.size).toBeGreaterThan(3)
  expect(shelves.size).toBeLessThan(agents.length)
}

const mostBytes = 512 * 1024
const claim = { id: 'shelves-bounded', title: 'shelves of many agents take up what they may' }

guarantee({ ...claim, n: 400, seed: 3 }, async ({ n, random }) => {
  await askMany({ shelves: new MemoryShelves({ mostBytes }), mostBytes, n, random })
})

control({ guard: 'eviction', test: claim.id, expect: /bytes of all shelves/ }, async () => {
  const shelves = new MemoryShelves({ mostBytes: Infinity })
  await askMany({ shelves, mostBytes, n: 400, random: seeded(3) })
})

test('whoever asks at once for an agent that is not at hand reads it once', async () => {
  const [shelves, agent] = [new MemoryShelves(), new RecordOfAgent()]
  agent.write(2_500)
  const answers = await Promise.all(Array.from({ length: 8 }, () => idsOf(shelves, 'a', agent)))
  for (const ids of answers) expect(ids).toEqual(allOf(agent))
  expect(agent.pages).toBe(3)
  agent.write(1)
  expect(await idsOf(shelves, 'a', agent)).toEqual(allOf(agent))
  expect(agent.pages).toBe(4)
  await idsOf(shelves, 'a', agent)
  expect(agent.pages).toBe(4)
})

test('a page that fails leaves nothing out of the next answer', async () => {
  const [shelves, agent] = [new MemoryShelves(), new RecordOfAgent()]
  agent.write(10)
  await idsOf(shelves, 'a', agent)
  agent.write(1_500)
  const { readPage } = agent
  const { revision, rows } = agent
  const breaks = async (after: PageMark, limit: number): Promise<readonly ShelfRow[]> => {
    if (after.revision > 10) throw new Error('gone')
    return readPage(after, limit)
  }
  const broken = { revision, rows, readPage: breaks }
  await expect(idsOf(shelves, 'a', broken)).rejects.toThrow('gone')
  expect(await idsOf(shelves, 'a', agent)).toEqual(allOf(agent))
})

test('a record that was put back to what it was is read anew', async () => {
  const [shelves, agent, earlier] = [new MemoryShelves(), new RecordOfAgent(), new RecordOfAgent()]
  agent.write(30, 'later')
  earlier.write(20, 'earlier')
  await idsOf(shelves, 'a', agent)
  expect(await idsOf(shelves, 'a', earlier)).toEqual(allOf(earlier))
})

test('a shelf that is mostly of what was forgotten is read anew', async () => {
  const [shelves, agent] = [new MemoryShelves(), new RecordOfAgent()]
  agent.write(300)
  await idsOf(shelves, 'a', agent)
  agent.rows.splice(0, 200)
  expect(await idsOf(shelves, 'a', agent)).toEqual(allOf(agent))
})

test('what is gone is left out, and not what was written again meanwhile', async () => {
  const [shelves, agent] = [new MemoryShelves(), new RecordOfAgent()]
  agent.write(3)
  const [first, ...others] = allOf(agent)
  await idsOf(shelves, 'a', agent)
  shelves.drop('a', [{ id: first ?? '', revision: 99 }])
  expect(await idsOf(shelves, 'a', agent)).toEqual(allOf(agent))
  shelves.drop('a', [{ id: first ?? '', revision: 1 }])
  expect(await idsOf(shelves, 'a', agent)).toEqual(others)
})
