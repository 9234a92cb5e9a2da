import { RetryableError } from '@chimera/contracts/errors'
/**
 * How agents learn: the Judge decides what is remembered and says where it came from, the record
 * has it first, the Keeper brings it into the memory, and nothing is lost while that is away.
 */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import type { Pointer } from '@chimera/contracts/judging/provenance'
import type { TaskResult } from '@chimera/contracts/task-result'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openPostgresMemory } from '@chimera/infra/memory/postgres/postgres-memory'
import { handleRings } from '@chimera/judge/handle-rings'
import { memoryDuty } from '@chimera/keeper/memories/memory-duty'
import { openLog } from '@chimera/runtime/log'
import { expect, test } from 'vitest'

import { control, guarantee } from '../guarantee.ts'
import { effectsOf, judgeOfFile, plannedGoal, receiptFor, tweetEffect } from './judge-rig.ts'

const rig = judgeOfFile()
const log = openLog({ name: 'memory-lessons', level: 'silent' })

/** A result that a model made of what it had read. */
const madeOf = (answer: string, sources: readonly Pointer[] = []): Partial<TaskResult> => ({
  artifacts: [{ name: 'answer', media_type: 'text/plain', content: answer }],
  readings: [],
  model_calls: [
    {
      id: 'call-1',
      model: 'test',
      prompt_hash: 'a'.repeat(64),
      sources: [{ source: 'goal', path: '/text' }, ...sources],
      output: { answer },
    },
  ],
})

/** One task in REVIEW, with a result of the wish. */
async function judged(
  result: Partial<TaskResult>,
  of: { confidence?: number; slots?: readonly string[] } = {},
): Promise<string> {
  const goal = `g-${newId()}`
  const { confidence = 1, slots = [] } = of
  const [taskId = ''] = await plannedGoal(rig.database, {
    id: goal,
    slots,
    tasks: [{ confidence, effects: slots.length > 0 ? [tweetEffect()] : [], result }],
  })
  await handleRings(rig.deps, [{ look_at: 'task', id: taskId }])
  return goal
}

type Waiting = { memory: { content: string; label: string; kind: string; id: string } }
const waiting = async (goalId: string): Promise<Waiting['memory'][]> => {
  const rows = await rig.database.query<Waiting>({
    text: `SELECT memory FROM memory_outbox WHERE memory ->> 'goal_id' = $1`,
    values: [goalId],
  })
  return rows.map(({ memory }) => memory)
}

test('what a model found out and the Judge accepted is to be remembered', async () => {
  const goal = await judged(madeOf('Fees are lowest on Sunday.'))
  expect(await waiting(goal)).toMatchObject([
    { content: 'Fees are lowest on Sunday.', label: 'derived', kind: 'learning' },
  ])
})

test('what no model made, or the Judge did not accept, teaches nothing', async () => {
  const byRule = { artifacts: [{ name: 'a', media_type: 'text/plain', content: 'by rule' }] }
  expect(await waiting(await judged(byRule))).toEqual([])
  expect(await waiting(await judged(madeOf('Rejected.'), { confidence: 0.2 }))).toEqual([])
  expect(await waiting(await judged(madeOf('Asked for.'), { confidence: 0.8 }))).toEqual([])
})

test('what was posted is remembered once it is confirmed, and not before', async () => {
  const goal = await judged(madeOf('Said hello.'), { slots: ['publish'] })
  expect(await waiting(goal)).toEqual([])
  const [effect] = await effectsOf(rig.database, goal)
  if (effect === undefined) throw new Error('nothing is out')
  const receipt = await rig.carry(await rig.sign(receiptFor(effect)))
  await handleRings(rig.deps, [{ look_at: 'receipt', id: receipt }])
  const [memory] = await waiting(goal)
  expect(memory).toMatchObject({ kind: 'interaction', label: 'derived' })
  expect(memory?.content).toContain('hello world')
})

test('the label is the worst of all that was read, by the Judge’s own word', async () => {
  const labelAfter = async (result: Partial<TaskResult>) =>
    (await waiting(await judged(result)))[0]?.label
  const tool = { source: 'tool', tool: 'get_mentions', result_id: 'r1', path: '' } as const
  const reading = { id: 'r1', tool: 'get_mentions', args: {}, value: ['a stranger speaks'] }
  const strange = { ...madeOf('Strangers like cats.', [tool]), readings: [reading] }
  const untrusted = await judged(strange)
  const [memory] = await waiting(untrusted)
  expect(memory?.label).toBe('untrusted')
  const trusted = await judged(madeOf('Owners like dogs.'))
  const [other] = await waiting(trusted)
  const from = (id = ''): Pointer => ({ source: 'memory', id })
  expect(await labelAfter(madeOf('Of a stranger.', [from(memory?.id)]))).toBe('untrusted')
  expect(await labelAfter(madeOf('Of the own.', [from(other?.id)]))).toBe('derived')
  expect(await labelAfter(madeOf('Of the hour.', [from(`goal:${trusted}`)]))).toBe('derived')
  expect(await labelAfter(madeOf('Of nobody.', [from(newId())]))).toBe('untrusted')
  expect(await labelAfter(madeOf('Of nothing.', [from('goal:none')]))).toBe('untrusted')
})

/** The memory of this record, as the Keeper opens it. */
const openStore = (): MemoryStore =>
  openPostgresMemory({
    database: rig.deps.database,
    embedder: lexicalEmbedder,
    scopeOf: (tenantId) => ({ tenantIds: [tenantId] }),
  })

/** One round of the Keeper's duty on a memory. */
async function bring(memory: Pick<MemoryStore, 'remember'>): Promise<void> {
  const { database } = rig.deps
  const sweep = { next: async () => ({ memoriesDue: true }) }
  const duty = memoryDuty({ database, log, memory, sweep })
  const { signal } = new AbortController()
  await (
    await duty.next(signal)
  )(signal)
}

const away: Pick<MemoryStore, 'remember'> = {
  remember: () => Promise.reject(new RetryableError('UNAVAILABLE', 'The memory is away.')),
}

/** The memory goes away in the middle; `end` is how a round ends that did not bring anything. */
async function bringThrough(of: { lose: () => Promise<void> }): Promise<void> {
  const question = `quagga ${newId()}`
  const goal = await judged(madeOf(`About the ${question}.`))
  await bring(away)
  await of.lose()
  const { isRefused } = await countPosted(rig.database)
  expect(isRefused, 'status shows a memory that is away').toBe(true)
  await rig.database.query({ text: 'UPDATE memory_outbox SET run_at = now()' })
  await using store = openStore()
  await bring(store)
  await bring(store)
  expect(await waiting(goal)).toEqual([])
  const asked = { tenantId: DEFAULT_TENANT, agentId: 'default', question, limit: 5 }
  const found = (await store.recall(asked)).filter(({ goal_id: id }) => id === goal)
  expect(found.map(({ content }) => content)).toEqual([`About the ${question}.`])
  expect(await countPosted(rig.database)).toEqual({ waiting: 0, isRefused: false })
}

const outage = { id: 'memory-outage', title: 'what a memory missed, it gets later', n: 1, seed: 1 }
guarantee(outage, () => bringThrough({ lose: async () => {} }))

control(
  { guard: 'the row that stays', test: 'memory-outage', expect: /status shows|to deeply/ },
  () =>
    bringThrough({
      lose: async () => void (await rig.database.query({ text: 'DELETE FROM memory_outbox' })),
    }),
)
