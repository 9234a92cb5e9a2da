import type { Memory } from '@chimera/contracts/judging/memory'

import { embedMemories } from '../embedding/embed-memories.ts'
import type { Embedder } from '../embedding/embedder.ts'
import { deleteObjects, heldAmong, nothingOfNobody, putObjects } from './kept-objects.ts'
import { memoryOf, propertiesOf } from './memory-object.ts'
import type { TenantMemories } from './open-collection.ts'
import { vectorOf } from './vector-of.ts'

/** One tenant in two collections. */
export type Pair = Readonly<{ from: TenantMemories; to: TenantMemories }>

type Page = Readonly<{ after: string; limit: number }>

/**
 * Copies those memories of one page that the other collection does not have with a vector of this
 * embedder. Vectors of this embedder are taken along, others are made anew; everything that is
 * derived from a memory is derived again. Answers the last id of the page, none behind the last
 * one, how many it looked at, how many were `missing`, and how many it wrote: those, and the ones
 * that somebody with another embedder has written meanwhile.
 */
export async function copyPage(
  { from, to }: Pair,
  of: Page & { embedder: Embedder },
): Promise<{ last: string | undefined; passed: number; missing: number; written: number }> {
  const { embedder, after, limit } = of
  const read = from.query.fetchObjects({ limit, after, includeVector: true })
  const { objects } = await read.catch(nothingOfNobody)
  const there = await copiesAmong(to, idsOf(objects))
  const left = objects
    .filter(({ uuid }) => there.get(uuid) !== embedder.name)
    .map((object) => ({
      memory: memoryOf(object.properties),
      vector: object.properties.embedder === embedder.name ? vectorOf(object) : undefined,
    }))
  const vectors = await vectorsOf(embedder, left)
  const copies = left.map(({ memory }, at) => ({
    id: memory.id,
    properties: propertiesOf(memory, embedder.name),
    vectors: vectors[at] ?? [],
  }))
  await putObjects(to, copies, embedder)
  await dropForgotten(
    { from, to },
    copies.map(({ id }) => id),
  )
  const last = objects.length < limit ? undefined : objects.at(-1)?.uuid
  return {
    last,
    passed: objects.length,
    missing: copies.filter(({ id }) => !there.has(id)).length,
    written: copies.length,
  }
}

/** Takes those of one page away that the collection before has not any more. */
export async function sweepPage({ from, to }: Pair, of: Page): Promise<string | undefined> {
  const read = to.query.fetchObjects({ ...of, returnProperties: ['key'] })
  const { objects } = await read.catch(nothingOfNobody)
  await dropForgotten({ from, to }, idsOf(objects))
  return objects.length < of.limit ? undefined : objects.at(-1)?.uuid
}

const idsOf = (objects: readonly { uuid: string }[]): string[] => objects.map(({ uuid }) => uuid)

/**
 * Whoever forgets takes a memory from the collection that is copied first and from the copy later:
 * what is not in the first any more does not come back by the copy.
 */
async function dropForgotten({ from, to }: Pair, ids: readonly string[]): Promise<void> {
  const kept = new Set(await heldAmong(from, ids))
  await deleteObjects(
    to,
    ids.filter((id) => !kept.has(id)),
  )
}

/** Who made the vectors of those that are there. */
async function copiesAmong(
  to: TenantMemories,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map()
  const filters = to.filter.byId().containsAny([...ids])
  const limit = ids.length
  const read = to.query.fetchObjects({ filters, limit, returnProperties: ['embedder'] })
  const { objects } = await read.catch(nothingOfNobody)
  return new Map(objects.map(({ uuid, properties }) => [uuid, properties.embedder]))
}

/** Those that are there, and new ones in the places of the others. */
async function vectorsOf(
  embedder: Embedder,
  left: readonly { memory: Memory; vector: number[] | undefined }[],
): Promise<number[][]> {
  const without = left.filter(({ vector }) => vector === undefined)
  const made = await embedMemories(
    embedder,
    without.map(({ memory }) => memory),
  )
  const fresh = made[Symbol.iterator]()
  return left.map(({ vector }) => vector ?? [...(fresh.next().value ?? [])])
}
