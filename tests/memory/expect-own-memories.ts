/** Many tenants and agents whose memories have the same words, asking and writing all at once. */
import { newId } from '@chimera/contracts/ids'
import type { Memory } from '@chimera/contracts/judging/memory'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { expect } from 'vitest'

import { seeded, type Random } from '../guarantee.ts'
import { sampleMemory } from './sample-memory.ts'

/** The same in all tenants and all agents: nothing but the filters can tell them apart. */
const TEXTS = [
  'Fees on the network are lowest on Sunday mornings.',
  'Followers like short posts about lightning payments.',
  'The daily loss limit of the trader is 500 dollars.',
  'Invoices above 50 dollars wait for the owner.',
  'Replies to critics begin with thanks.',
  'The weekly report is read on Mondays.',
]
const QUESTIONS = [
  'when are fees lowest',
  'what do followers like',
  'what is the loss limit',
  'who approves invoices',
  'how are critics answered',
  'which day is the report read',
]
const COPIES = 2
/** More than an agent has in the beginning: there is room for those of others beside its own. */
const MOST_RECALLED = 20
const MOST_LISTED = 100
/** What is asked at once, some of it by each of the ways to the memory. */
const LANES = 8

const LABELS = ['derived', 'untrusted'] as const

type Label = (typeof LABELS)[number]
type Asked = Readonly<{ question: string; onlyTrusted?: boolean }>
type Owner = Readonly<{ tenantId: string; agentId: string }>

/** What came back of others, and what did not come back; all of it should be 0. */
type Faults = {
  ofOtherTenants: number
  ofOtherAgents: number
  ofStrangers: number
  notRecalled: number
  notForgotten: number
}

/** What is tried, and who there is. */
export type OwnMemories = Readonly<{
  /** Ways to one place of memories, as of several processes. */
  stores: readonly [MemoryStore, ...MemoryStore[]]
  tenants: readonly string[]
  agents: number
  queries: number
  seed: number
}>

/**
 * Asks, lists, shows and forgets as every agent of every tenant, while others write. Fails when a
 * memory of another tenant or agent comes back, or of a stranger where none was asked for, when
 * what was remembered is not recalled at once, when what was forgotten comes back, or when anything
 * else is missing in the end.
 */
export async function expectOwnMemories(of: OwnMemories): Promise<void> {
  const world = await openWorld(of)
  let left = of.queries
  const lane = async (at: number): Promise<void> => {
    const random = seeded(of.seed + at)
    while (left > 0) left -= await ask(world, random)
  }
  await Promise.all(Array.from({ length: LANES }, (_, at) => lane(at)))
  const { faults } = world
  expect(faults.ofOtherTenants, 'memories of other tenants that came back').toBe(0)
  expect(faults.ofOtherAgents, 'memories of other agents that came back').toBe(0)
  expect(faults.ofStrangers, 'words of strangers where none were asked for').toBe(0)
  expect(faults.notRecalled, 'memories that were not recalled at once').toBe(0)
  expect(faults.notForgotten, 'memories that came back although forgotten').toBe(0)
  await expectAllKept(world)
}

/** Who there is, whose every memory is, and what of it should still be there. */
type World = Pick<OwnMemories, 'stores' | 'tenants'> &
  Readonly<{
    owners: readonly Owner[]
    ownerOf: Map<string, Owner>
    kept: Set<string>
    faults: Faults
  }>

/** All agents have the same memories. */
async function openWorld({ stores, tenants, agents }: OwnMemories): Promise<World> {
  const owners: Owner[] = tenants.flatMap((tenantId) =>
    Array.from({ length: agents }, (_, n) => ({ tenantId, agentId: `agent-${n}` })),
  )
  const faults = {
    ofOtherTenants: 0,
    ofOtherAgents: 0,
    ofStrangers: 0,
    notRecalled: 0,
    notForgotten: 0,
  }
  const world: World = { stores, tenants, owners, ownerOf: new Map(), kept: new Set(), faults }
  const texts = Array.from({ length: COPIES }, () => TEXTS).flat()
  for (const [tenantId, group] of Map.groupBy(owners, (owner) => owner.tenantId)) {
    const memories = group.flatMap((owner) =>
      texts.map((text, at) => made(world, owner, text, LABELS[at % 2] ?? 'derived')),
    )
    await keep(world, stores[0], tenantId, memories)
  }
  return world
}

function made(world: World, owner: Owner, content: string, label: Label): Memory {
  const memory = sampleMemory(content, { agent_id: owner.agentId, label })
  world.ownerOf.set(memory.id, owner)
  return memory
}

async function keep(
  world: World,
  store: MemoryStore,
  tenantId: string,
  memories: readonly Memory[],
): Promise<void> {
  await store.remember(tenantId, memories)
  for (const { id } of memories) world.kept.add(id)
}

/** Counts those of others among what was answered. */
function look(world: World, ids: readonly string[], to: Partial<Owner>): void {
  for (const id of ids) {
    const owner = world.ownerOf.get(id)
    if (owner?.tenantId !== to.tenantId) world.faults.ofOtherTenants += 1
    else if (to.agentId !== undefined && owner?.agentId !== to.agentId) {
      world.faults.ofOtherAgents += 1
    }
  }
}

async function recall(world: World, store: MemoryStore, owner: Owner, asked: Asked) {
  const found = await store.recall({ ...owner, ...asked, limit: MOST_RECALLED })
  const strange = found.filter(({ label }) => label === 'untrusted')
  if (asked.onlyTrusted === true) world.faults.ofStrangers += strange.length
  look(world, idsOf(found), owner)
  return idsOf(found)
}

const idsOf = (found: readonly { id: string }[]): string[] => found.map(({ id }) => id)

/**
 * A memory with a word of its own is recalled at once, by another way and by nobody else, until it
 * is forgotten. Answers how many queries that took.
 */
async function tell(world: World, random: Random, owner: Owner): Promise<number> {
  const { stores, faults } = world
  const [writer, reader] = [random.pick(stores), random.pick(stores)]
  const word = `quagga${newId().replaceAll('-', '')}`
  const label = random.pick(LABELS)
  const memory = made(world, owner, `${random.pick(TEXTS)} ${word}`, label)
  const asked = { question: word, onlyTrusted: label !== 'untrusted' }
  const isRecalled = async () => (await recall(world, reader, owner, asked)).includes(memory.id)
  const isShown = async () => (await reader.find(owner.tenantId, memory.id)) !== undefined
  await keep(world, writer, owner.tenantId, [memory])
  if (!(await isRecalled())) faults.notRecalled += 1
  if (!(await isShown())) faults.notRecalled += 1
  await recall(world, reader, random.pick(world.owners), asked)
  if (random.fraction() < 0.5) return 3
  world.kept.delete(memory.id)
  await writer.forget(owner.tenantId, [memory.id])
  if (await isRecalled()) faults.notForgotten += 1
  if (await isShown()) faults.notForgotten += 1
  return 6
}

/** One thing that somebody does; answers how many queries it took. */
async function ask(world: World, random: Random): Promise<number> {
  const [store, owner] = [random.pick(world.stores), random.pick(world.owners)]
  const { tenantId, agentId } = owner
  const chance = random.fraction()
  const foreign = (): string =>
    random.pick([...world.ownerOf].filter(([, other]) => other.tenantId !== tenantId))[0]
  if (chance < 0.1) return tell(world, random, owner)
  if (chance < 0.15) {
    look(world, idsOf(await store.list({ tenantId, agentId, limit: MOST_LISTED })), owner)
  } else if (chance < 0.2) {
    look(world, idsOf(await store.list({ tenantId, limit: MOST_LISTED })), { tenantId })
  } else if (chance < 0.25) {
    const found = await store.find(tenantId, foreign())
    look(world, idsOf(found === undefined ? [] : [found]), { tenantId })
  } else if (chance < 0.3) {
    look(world, await store.forget(tenantId, [foreign()]), { tenantId })
  } else {
    const onlyTrusted = random.pick([true, false])
    await recall(world, store, owner, { question: random.pick(QUESTIONS), onlyTrusted })
  }
  return 1
}

async function expectAllKept({ stores, tenants, kept }: World): Promise<void> {
  const listed = await Promise.all(tenants.map((tenantId) => listAll(stores[0], tenantId)))
  expect(listed.flat().toSorted(), 'what is there in the end').toEqual([...kept].toSorted())
}

async function listAll(store: MemoryStore, tenantId: string): Promise<string[]> {
  const ids: string[] = []
  for (;;) {
    const page = await store.list({ tenantId, before: ids.at(-1), limit: MOST_LISTED })
    if (page.length === 0) return ids
    ids.push(...page.map(({ id }) => id))
  }
}
