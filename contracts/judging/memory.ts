/** What agents remember, as the API and the command line show it. */
import { z } from 'zod'

import { AgentId, GoalId, Uuid } from '../ids.ts'
import { Label, Pointer } from './provenance.ts'

/** What one memory may hold: a page, as the answer of a model. */
export const MAX_MEMORY_CHARACTERS = 8_000
/** What one agent keeps; the oldest and least useful leave first. */
export const MAX_MEMORIES_OF_AGENT = 10_000
/** Memories that one question is answered with. */
export const MAX_RECALLED = 50
const MAX_TAGS = 16
const MAX_SOURCES = 16
/** What is forgotten in one request. */
const MAX_FORGOTTEN = 200

/** Conversations and posts, what moves outside, what was found out. */
export const MemoryKind = z.enum(['interaction', 'trend', 'learning'])
export type MemoryKind = z.infer<typeof MemoryKind>

/** A tag: a few letters, so that it can be searched for. */
const RelevanceTag = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._:-]{0,63}$/u)

/** One memory; `label` and `sources` say where its words came from, and never get better. */
export const Memory = z.strictObject({
  id: Uuid,
  agent_id: AgentId,
  kind: MemoryKind,
  content: z.string().min(1).max(MAX_MEMORY_CHARACTERS),
  relevance_tags: z.array(RelevanceTag).max(MAX_TAGS),
  timestamp: z.iso.datetime(),
  label: Label,
  sources: z.array(Pointer).max(MAX_SOURCES),
  goal_id: GoalId.nullable(),
  task_id: Uuid.nullable(),
  /** 0..1: how much is lost with it. */
  importance: z.number().min(0).max(1),
  /** From then on it is forgotten. */
  expires_at: z.iso.datetime().nullable(),
})
export type Memory = z.infer<typeof Memory>

/** Why a memory was recalled: each part 0..1, and how they were added up. */
export const RecallReason = z.strictObject({
  /** Words of the question, against the best of this answer. */
  lexical: z.number().min(0).max(1),
  /** Cosine of the two vectors. */
  vector: z.number().min(0).max(1),
  recency: z.number().min(0).max(1),
  importance: z.number().min(0).max(1),
})
export type RecallReason = z.infer<typeof RecallReason>

export const Recalled = Memory.extend({
  score: z.number().min(0).max(1),
  because: RecallReason,
})
export type Recalled = z.infer<typeof Recalled>

/** `POST /v1/memories/search` */
export const MemorySearch = z.strictObject({
  agent_id: AgentId,
  question: z.string().min(1).max(2_000),
  limit: z.int().min(1).max(MAX_RECALLED).default(10),
})

/** What `POST /v1/memories/search` and `chimera memory search --json` answer. */
export const MemoryFindings = z.strictObject({
  backend: z.enum(['postgres', 'weaviate']),
  embedder: z.string(),
  memories: z.array(Recalled),
})
export type MemoryFindings = z.infer<typeof MemoryFindings>

/** `POST /v1/memories/forget` */
export const MemoryForgetting = z.strictObject({
  ids: z.array(Uuid).min(1).max(MAX_FORGOTTEN),
})
