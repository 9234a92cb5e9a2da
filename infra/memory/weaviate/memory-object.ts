import { Memory } from '@chimera/contracts/judging/memory'
import { z } from 'zod'

import { keepRank } from '../keep-rank.ts'
import { memoryWords } from './memory-words.ts'

/** What Weaviate keeps of a memory; the first four are those of the source (C21). */
export type MemoryProperties = {
  content: string
  agent_id: string
  relevance_tags: string[]
  timestamp: string
  kind: string
  label: string
  /** JSON. */
  sources: string
  /** Empty for none. */
  goal_id: string
  task_id: string
  importance: number
  expires_at: string
  keep_rank: number
  embedder: string
  /** The id once more: a property can be compared and sorted by. */
  key: string
  /** What BM25 looks at. */
  words: string
}

/**
 * Of what never expires: a date property that is not there cannot be compared, and one behind 2262
 * compares as if it were long ago (the server counts nanoseconds in 64 bits).
 */
const NEVER = '2200-01-01T00:00:00.000Z'

/** The properties of a memory. */
export const propertiesOf = (memory: Memory, embedder: string): MemoryProperties => ({
  content: memory.content,
  agent_id: memory.agent_id,
  relevance_tags: [...memory.relevance_tags],
  timestamp: memory.timestamp,
  kind: memory.kind,
  label: memory.label,
  sources: JSON.stringify(memory.sources),
  goal_id: memory.goal_id ?? '',
  task_id: memory.task_id ?? '',
  importance: memory.importance,
  expires_at: memory.expires_at ?? NEVER,
  keep_rank: keepRank({ at: new Date(memory.timestamp), importance: memory.importance }),
  embedder,
  key: memory.id,
  words: memoryWords([memory.content, ...memory.relevance_tags].join(' ')),
})

const Sources = z.string().transform((json): unknown => JSON.parse(json))

/** As the client gives it: dates become Date, an empty list may be missing. */
const Kept = z.object({
  content: z.string(),
  agent_id: z.string(),
  relevance_tags: z.array(z.string()).nullish(),
  timestamp: z.date(),
  kind: z.string(),
  label: z.string(),
  sources: z.string(),
  goal_id: z.string().nullish(),
  task_id: z.string().nullish(),
  importance: z.number(),
  expires_at: z.date(),
  key: z.string(),
})

/** The memory of some properties. Throws when they are of no memory of ours. */
export function memoryOf(properties: unknown): Memory {
  const { key, ...kept } = Kept.parse(properties)
  const expires = kept.expires_at.toISOString()
  return Memory.parse({
    ...kept,
    id: key,
    relevance_tags: kept.relevance_tags ?? [],
    timestamp: kept.timestamp.toISOString(),
    sources: Sources.parse(kept.sources),
    goal_id: kept.goal_id === '' ? null : (kept.goal_id ?? null),
    task_id: kept.task_id === '' ? null : (kept.task_id ?? null),
    expires_at: expires === NEVER ? null : expires,
  })
}
