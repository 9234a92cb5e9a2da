import { createHash } from 'node:crypto'

import type { Memory } from '@chimera/contracts/judging/memory'
import type { Embedder } from '@chimera/infra/memory/embedding/embedder'
import { lexicalEmbedder } from '@chimera/infra/memory/embedding/lexical-embedder'
import type { MemoryStore } from '@chimera/infra/memory/memory-store'

import type { QuestionSet } from './question-set.ts'

/** As many as a prompt takes up. */
const RECALLED = 5
/** All of one age and importance: words and vectors alone decide. */
const AT = '2026-11-01T00:00:00.000Z'

/** All texts have the same vector: words alone are left to decide. */
export const wordsAlone: Embedder = {
  name: 'words-alone@1',
  embed: async (texts) =>
    texts.map(() => Float32Array.of(1, ...Array.from({ length: 383 }, () => 0))),
}
/** Words beside vectors, as the product does it without any setting. */
export const hybrid = lexicalEmbedder

/** Shares of questions whose answer is among the first five, or is the first. */
export type QualityFound = Readonly<{ at1: number; at5: number; missed: readonly string[] }>

/** Remembers the whole set for an agent, and asks the questions that are picked. */
export async function measureQuality(of: {
  store: MemoryStore
  tenantId: string
  agentId: string
  set: QuestionSet
  picks?: (at: number) => boolean
}): Promise<QualityFound> {
  const { store, tenantId, agentId, set, picks = () => true } = of
  const remembered = (content: string): Memory => ({
    id: idOf(`${agentId} ${content}`),
    agent_id: agentId,
    kind: 'learning',
    content,
    relevance_tags: [],
    timestamp: AT,
    label: 'derived',
    sources: [{ source: 'goal', path: '/text' }],
    goal_id: null,
    task_id: null,
    importance: 0.5,
    expires_at: null,
  })
  const contents = [...set.pairs.map(({ answer }) => answer), ...set.distractors]
  await store.remember(tenantId, contents.map(remembered))
  const places: { question: string; place: number }[] = []
  for (const { question, answer } of set.pairs.filter((_, at) => picks(at))) {
    const found = await store.recall({ tenantId, agentId, question, limit: RECALLED })
    places.push({ question, place: found.findIndex(({ content }) => content === answer) })
  }
  const share = (isHit: (place: number) => boolean): number =>
    places.filter(({ place }) => isHit(place)).length / places.length
  return {
    at1: share((place) => place === 0),
    at5: share((place) => place >= 0),
    missed: places.filter(({ place }) => place < 0).map(({ question }) => question),
  }
}

/** Of what fits as well the later id comes first: the same text has the same one at every run. */
function idOf(text: string): string {
  const digits = createHash('sha256').update(text).digest('hex')
  const parts = [digits.slice(0, 8), digits.slice(8, 12), `8${digits.slice(12, 15)}`]
  return [...parts, `8${digits.slice(15, 18)}`, digits.slice(18, 30)].join('-')
}
