/** Objects of one tenant, put and taken away by their ids. */
import type { MemoryProperties } from './memory-object.ts'
import type { TenantMemories } from './open-collection.ts'
import { isNoTenant, refusal } from './weaviate-errors.ts'

/** Objects that one request deletes or looks for. */
export const PAGE = 500

export type NewObject = Readonly<{
  id: string
  properties: MemoryProperties
  /** None where it would be of another embedder than those that are there. */
  vectors?: number[]
}>

/** What is there under an id stays: Weaviate itself would put the later one in its place. */
export async function insertNew(
  own: TenantMemories,
  objects: readonly NewObject[],
  embedder: { name: string },
): Promise<void> {
  const ids = objects.map(({ id }) => id)
  const held = new Set(await heldAmong(own, ids))
  const unknown = objects.filter(({ id }) => !held.has(id))
  await putObjects(own, unknown, embedder)
}

/** Puts objects, in the place of those that are there under their ids. */
export async function putObjects(
  own: TenantMemories,
  objects: readonly NewObject[],
  embedder: { name: string },
): Promise<void> {
  if (objects.length === 0) return
  const { hasErrors, errors } = await own.data.insertMany([...objects])
  if (!hasErrors) return
  const [first] = Object.values(errors)
  throw refusal(first?.message, embedder)
}

/** Those of some ids that are there, at most a page. */
export async function heldAmong(own: TenantMemories, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const filters = own.filter.byId().containsAny([...ids])
  const read = own.query.fetchObjects({ filters, limit: PAGE, returnProperties: ['key'] })
  const { objects } = await read.catch(nothingOfNobody)
  return objects.map(({ uuid }) => uuid).toSorted()
}

/** Deletes objects by id, at most a page; those that are not there are no fault. */
export async function deleteObjects(own: TenantMemories, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  try {
    await own.data.deleteMany(own.filter.byId().containsAny([...ids]))
  } catch (error) {
    if (!isNoTenant(error)) throw error
  }
}

/** A tenant of whom nothing was kept yet has nothing. Whoever did not answer may hold anything. */
export function nothingOfNobody(error: unknown): { objects: never[] } {
  if (isNoTenant(error)) return { objects: [] }
  throw error
}
