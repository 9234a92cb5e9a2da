import type { CollectionConfig, WeaviateClient } from 'weaviate-client'

import { createCollection, LAYOUT } from './create-collection.ts'

/**
 * C21. The name that is asked: an alias of the collection that counts, so that another one takes
 * its place at once and for everybody.
 */
export const COLLECTION = 'AgentMemory'

/** Another one may be making it at the same time, and be between two of its steps. */
const MAX_LOOKS = 4

/** One collection of memories. */
export type Version = Readonly<{
  name: string
  /** 0 for the first ones, which had the name itself. */
  number: number
  layout: number
  /** Whose vectors it was made for. */
  embedder: string | undefined
}>

/**
 * What there is: the collection that counts, the one that is being made beside it, and those that
 * were left. Names and the alias say it all: there is no other record to fall behind.
 */
export type Versions = Readonly<{
  current: Version | undefined
  next: Version | undefined
  old: readonly Version[]
  /** Of a name that nobody has had, not even a stray. */
  unused: number
}>

/** Reads what there is; other collections, and what a late write made, are nobody of ours. */
export async function readVersions(client: WeaviateClient): Promise<Versions> {
  const [collections, aliases] = await Promise.all([
    client.collections.listAll(),
    client.alias.listAll(),
  ])
  const named = collections
    .flatMap((one) => versionOf(one).map((version) => ({ ...one, version })))
    .toSorted((a, b) => a.version.number - b.version.number)
  const unused = (named.at(-1)?.version.number ?? 0) + 1
  const found = named
    .filter(({ multiTenancy }) => multiTenancy.enabled)
    .map(({ version }) => version)
  const target = aliases?.find(({ alias }) => alias === COLLECTION)?.collection ?? COLLECTION
  const current = found.find(({ name }) => name === target)
  if (current === undefined) {
    return { current, next: found.at(-1), old: found.slice(0, -1), unused }
  }
  return {
    current,
    unused,
    next: found.findLast(({ number }) => number > current.number),
    old: found.filter(({ number }) => number < current.number),
  }
}

/** As `createCollection` describes it; the first ones said nothing. */
function versionOf({ name, description = '' }: Pick<CollectionConfig, 'name' | 'description'>) {
  const number = name === COLLECTION ? '0' : /^AgentMemory_v([1-9]\d{0,8})$/.exec(name)?.[1]
  if (number === undefined) return []
  const [, layout = '1'] = /layout (\d+)/.exec(description) ?? []
  const [, embedder] = /vectors of (\S+)$/.exec(description) ?? []
  return [{ name, number: Number(number), layout: Number(layout), embedder }]
}

/**
 * What there is, made where there is nothing; two that make it at once are harmless. Where the name
 * leads nowhere, because somebody died on the way, it leads to the last collection again.
 */
export async function ensureVersions(
  client: WeaviateClient,
  of: { embedder: string },
): Promise<Versions & { current: Version }> {
  let fault: unknown
  for (let look = 0; look < MAX_LOOKS; look += 1) {
    const found = await readVersions(client)
    if (found.current !== undefined) return { ...found, current: found.current }
    try {
      await nameIt(
        client,
        found.next?.name ?? (await createVersion(client, { ...of, number: found.unused })),
      )
    } catch (error) {
      // Somebody else was faster; what he has made is seen at the next look.
      fault = error
    }
  }
  throw fault
}

/** Makes an empty collection, and answers its name. */
export async function createVersion(
  client: WeaviateClient,
  of: { number: number; embedder: string },
): Promise<string> {
  const name = `${COLLECTION}_v${of.number}`
  const description = `What agents remember; layout ${LAYOUT}, vectors of ${of.embedder}`
  await createCollection(client, { name, description })
  return name
}

/** Lets the name lead to a collection from now on. */
export async function nameIt(client: WeaviateClient, name: string): Promise<void> {
  const aliases = (await client.alias.listAll()) ?? []
  if (aliases.some(({ alias }) => alias === COLLECTION)) {
    await client.alias.update({ alias: COLLECTION, newTargetCollection: name })
    return
  }
  const create = () => client.alias.create({ alias: COLLECTION, collection: name })
  await create().catch(async (error: unknown) => {
    // A write that came while the name led nowhere has made an empty collection of it.
    if (!(await isEmptyStray(client))) throw error
    await client.collections.delete(COLLECTION)
    await create()
  })
}

async function isEmptyStray(client: WeaviateClient): Promise<boolean> {
  const collections = await client.collections.listAll()
  const stray = collections.find(({ name }) => name === COLLECTION)
  if (stray === undefined || stray.multiTenancy.enabled) return false
  const { totalCount } = await client.collections.use(COLLECTION).aggregate.overAll()
  return totalCount === 0
}
