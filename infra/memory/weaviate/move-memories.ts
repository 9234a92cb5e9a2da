import { RetryableError } from '@chimera/contracts/errors'
import type { MovePlace, MoveStep } from '@chimera/contracts/judging/memory-upkeep'
import type { WeaviateClient } from 'weaviate-client'

import type { Embedder } from '../embedding/embedder.ts'
import type { MoveOrder } from '../memory-store.ts'
import { copyPage, type Pair, sweepPage } from './copy-page.ts'
import { LAYOUT } from './create-collection.ts'
import { memoriesOf } from './open-collection.ts'
import {
  COLLECTION,
  createVersion,
  ensureVersions,
  nameIt,
  readVersions,
  type Version,
} from './versions.ts'

type Move = MoveOrder & Readonly<{ client: WeaviateClient; embedder: Embedder }>

/** After two there is nothing left to copy, but where a write has failed halfway. */
const MAX_PASSES = 10
/** Before every id. */
const FIRST = '00000000-0000-0000-0000-000000000000'

/**
 * Goes one step of the way from the collection that counts to one of the layout and the embedder of
 * today: memories are copied tenant by tenant, again and again until nothing was left to copy; what
 * was forgotten meanwhile leaves the copy; then the name leads to it. Until then recall asks the
 * old one alone, and whoever writes writes into both (open-collection.ts). The collections
 * themselves say how far it has got: whoever died in the middle begins at the first place, finds
 * what is copied, and goes on; two at once do the same twice.
 */
export async function moveStep(of: Move): Promise<MoveStep> {
  const { client, place } = of
  if (place === null) return begin(of)
  const { current, next } = await readVersions(client)
  if (current?.name === place.target) return ended(of, current)
  // Somebody has begun another one since.
  if (current === undefined || next?.name !== place.target) return begin(of)
  const pair = { from: current, to: next }
  return place.phase === 'copy' ? copy(of, pair, place) : sweep(of, pair, place)
}

async function begin(of: Move): Promise<MoveStep> {
  const { client, embedder, isRenewal } = of
  const { current, next, unused } = await ensureVersions(client, { embedder: embedder.name })
  const isBegun = next?.layout === LAYOUT && next.embedder === embedder.name
  if (next !== undefined && !isBegun) await client.collections.delete(next.name)
  const isWanted = isRenewal || current.layout !== LAYOUT || current.name === COLLECTION
  if (!isBegun && !isWanted) return ended(of, current)
  const made = { number: unused, embedder: embedder.name }
  const target = isBegun ? next.name : await makeNext(client, made)
  const tenants = await tenantsOf(client, current)
  const counts = await Promise.all(
    tenants.map((tenant) =>
      memoriesOf(client, current.name).withTenant(tenant).aggregate.overAll(),
    ),
  )
  return {
    phase: 'copy',
    from: current.name,
    to: target,
    held: counts.reduce((sum, { totalCount }) => sum + totalCount, 0),
    passed: 0,
    written: 0,
    place: { target, phase: 'copy', tenant: tenants[0] ?? '', after: FIRST, missing: 0, pass: 1 },
  }
}

/** Of two who begin at once one makes it. */
async function makeNext(
  client: WeaviateClient,
  of: { number: number; embedder: string },
): Promise<string> {
  try {
    return await createVersion(client, of)
  } catch (error) {
    const { next } = await readVersions(client)
    if (next?.number === of.number && next.embedder === of.embedder) return next.name
    throw error
  }
}

type Versioned = Readonly<{ from: Version; to: Version }>

async function copy(of: Move, versions: Versioned, place: MovePlace): Promise<MoveStep> {
  const pair = pairOf(of, versions, place.tenant)
  const { last, passed, ...page } = await copyPage(pair, { ...of, after: place.after })
  const said = {
    phase: 'copy' as const,
    ...namesOf(versions),
    held: null,
    passed: passed - page.written,
    written: page.written,
  }
  const so = { ...place, missing: place.missing + page.missing }
  if (last !== undefined) return { ...said, place: { ...so, after: last } }
  const tenants = await tenantsOf(of.client, versions.from)
  const tenant = tenants.find((other) => other > place.tenant)
  if (tenant !== undefined) return { ...said, place: { ...so, tenant, after: FIRST } }
  const first = { ...place, tenant: tenants[0] ?? '', after: FIRST, missing: 0 }
  // Nothing was missing, and what comes is written into both.
  if (so.missing === 0) return { ...said, place: { ...first, phase: 'sweep' } }
  if (place.pass === MAX_PASSES) throw deafError(versions)
  return { ...said, place: { ...first, pass: place.pass + 1 } }
}

const deafError = ({ from }: Versioned) =>
  new RetryableError(
    'UNAVAILABLE',
    `Memories keep coming into ${from.name} alone: stop the processes of an older Chimera, which ` +
      'do not know of its copy, and run this again.',
  )

async function sweep(of: Move, versions: Versioned, place: MovePlace): Promise<MoveStep> {
  const { client } = of
  const last = await sweepPage(pairOf(of, versions, place.tenant), { ...of, after: place.after })
  const said = { ...namesOf(versions), held: null, passed: 0, written: 0 }
  if (last !== undefined) return { ...said, phase: 'sweep', place: { ...place, after: last } }
  const tenants = await tenantsOf(client, versions.to)
  const tenant = tenants.find((other) => other > place.tenant)
  if (tenant !== undefined) {
    return { ...said, phase: 'sweep', place: { ...place, tenant, after: FIRST } }
  }
  if (versions.from.name === COLLECTION) {
    // It has the name itself, and has to leave before the name can lead elsewhere.
    if (!of.dropsOld) return { ...said, phase: 'ready', place: null }
    await client.collections.delete(COLLECTION)
  }
  await nameIt(client, versions.to.name)
  return ended(of, versions.to)
}

async function ended(of: Move, current: Version): Promise<MoveStep> {
  const { old } = await readVersions(of.client)
  const gone = of.dropsOld ? old : []
  for (const { name } of gone) await of.client.collections.delete(name)
  const left = of.dropsOld ? [] : old.map(({ name }) => name)
  const said = { from: null, to: current.name, held: null, passed: 0, written: 0, place: null }
  return { ...said, phase: 'done', left, dropped: gone.map(({ name }) => name) }
}

const namesOf = ({ from, to }: Versioned) => ({ from: from.name, to: to.name })

const pairOf = ({ client }: Move, { from, to }: Versioned, tenant: string): Pair => ({
  from: memoriesOf(client, from.name).withTenant(tenant),
  to: memoriesOf(client, to.name).withTenant(tenant),
})

/** In the order in which they are gone through. */
async function tenantsOf(client: WeaviateClient, version: Version): Promise<string[]> {
  const tenants = await memoriesOf(client, version.name).tenants.get()
  return Object.keys(tenants).toSorted()
}
