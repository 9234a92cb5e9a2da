/**
 * Weaviate killed and stopped in the middle of learning and recalling: verdicts go on, prompts have
 * the last hour, `status` says so, and every memory is there in the end, once.
 */
import { DEFAULT_TENANT, newId } from '@chimera/contracts/ids'
import { countPosted } from '@chimera/infra/database/memories/memory-outbox'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'
import { openRecollection } from '@chimera/infra/memory/recollection'
import { openWeaviateMemory } from '@chimera/infra/memory/weaviate/weaviate-memory'
import { openLog } from '@chimera/runtime/log'
import { afterAll, beforeAll, beforeEach, expect } from 'vitest'

import { control, guarantee, sampleSize } from '../guarantee.ts'
import { judgeOfFile } from '../integration/judge-rig.ts'
import { eventually } from '../integration/stack-rig.ts'
import { bring, learn } from './lessons.ts'
import { openOwnWeaviate, whyNoOwnWeaviate } from './own-weaviate.ts'

const rig = judgeOfFile()
const log = openLog({ name: 'weaviate-faults', level: 'silent' })
/** Less than a server needs to come back, so that each fault is met. */
const TIMEOUT_MS = 1_000
const ANSWERS_WITHIN_MS = 15_000

const opened = new AsyncDisposableStack()
let store: MemoryStore
let pid: () => number
let without: string | undefined

beforeAll(async () => {
  without = await whyNoOwnWeaviate()
  if (without !== undefined) return
  const server = opened.use(await openOwnWeaviate())
  ;({ pid } = server)
  const address = { ...server, timeoutMs: TIMEOUT_MS }
  store = opened.use(openWeaviateMemory({ ...address, embedder: lexicalEmbedder }))
  await store.remember(DEFAULT_TENANT, [])
})
beforeEach(({ skip }) => {
  if (without !== undefined) skip(without)
})
afterAll(async () => opened.disposeAsync())

const FAULTS = [
  { begin: 'SIGKILL', end: undefined },
  { begin: 'SIGSTOP', end: 'SIGCONT' },
] as const

async function learnThrough(of: { rounds: number; lose: () => Promise<void> }): Promise<void> {
  const word = `quagga${newId().slice(-8)}`
  const learnt: string[] = []
  const learnOne = async () => {
    const content = `Lesson ${learnt.length} about the ${word}.`
    learnt.push(content)
    await learn(rig, content)
  }
  const recollect = openRecollection({
    store,
    sqlOf: () => rig.database,
    log,
    withinMs: TIMEOUT_MS,
  })
  const occasion = { tenantId: DEFAULT_TENANT, agentId: 'default', goalId: 'none' }
  for (let round = 0; round < of.rounds; round += 1) {
    const fault = FAULTS[round % FAULTS.length] ?? FAULTS[0]
    await learnOne()
    const bringing = bring(rig, store)
    const victim = pid()
    process.kill(victim, fault.begin)
    await bringing
    await learnOne()
    await bring(rig, store)
    if (fault.end !== undefined) {
      const parts = await recollect({ ...occasion, question: word, onlyTrusted: true })
      expect(parts.map(({ title }) => title)).toContain('What you were asked in the last hour')
      const { isRefused } = await countPosted(rig.database)
      expect(isRefused, 'status shows a memory that is away').toBe(true)
    }
    await of.lose()
    if (fault.end !== undefined) process.kill(victim, fault.end)
    await eventually(async () => {
      await rig.database.query({ text: 'UPDATE memory_outbox SET run_at = now()' })
      await bring(rig, store)
      expect(await countPosted(rig.database)).toEqual({ waiting: 0, isRefused: false })
    }, 45_000)
  }
  // It has just come back: what it finds is asked for until it answers in time.
  const found = async () =>
    store.recall({
      tenantId: DEFAULT_TENANT,
      agentId: 'default',
      question: word,
      limit: 2 * learnt.length,
    })
  await eventually(async () => {
    const about = (await found()).map(({ content }) => content)
    const lessons = about.filter((content) => content.includes(word))
    expect(lessons.toSorted()).toEqual(learnt.toSorted())
  }, ANSWERS_WITHIN_MS)
}

const rounds = sampleSize({ ci: 2, full: 20 })
guarantee(
  {
    id: 'weaviate-faults',
    title: 'what Weaviate missed, it gets later, once',
    n: rounds,
    seed: 1,
    timeoutMs: rounds * 60_000,
  },
  () => learnThrough({ rounds, lose: async () => {} }),
)

control(
  {
    guard: 'the row that stays',
    test: 'weaviate-faults',
    expect: /to deeply equal/,
    timeoutMs: 120_000,
  },
  () =>
    learnThrough({
      rounds: 2,
      lose: async () => void (await rig.database.query({ text: 'DELETE FROM memory_outbox' })),
    }),
)
