/** How the vectors and the collections of memories are renewed, over the API. */
import { z } from 'zod'

import { AgentId } from '../ids.ts'

/** Memories of one step, so that it ends well before whoever asked stops waiting for it. */
export const MAX_STEP = 500
/** What an embedder takes in one request. */
export const USUAL_STEP = 64

/** `POST /v1/memories/re-embed`, and `POST /v1/tenants/<id>/memories/re-embed` */
export const ReEmbedding = z.strictObject({
  /** Of this agent alone. */
  agent_id: AgentId.optional(),
  /** 0 only counts. */
  limit: z.int().min(0).max(MAX_STEP).default(USUAL_STEP),
})

/** One step of it. */
export const ReEmbedded = z.strictObject({
  backend: z.enum(['postgres', 'weaviate']),
  embedder: z.string(),
  /** Memories there are. */
  held: z.int().nonnegative(),
  /** Those whose vectors another embedder made, before this step. */
  stale: z.int().nonnegative(),
  /** Those that this step looked at; none when nothing is left, or nothing was asked for. */
  found: z.int().nonnegative(),
  /** Those of them that it made vectors of: others were forgotten meanwhile, or done by others. */
  renewed: z.int().nonnegative(),
})
export type ReEmbedded = z.infer<typeof ReEmbedded>

/** Where a move has got to; whoever drives it hands it back, and knows nothing of it. */
export const MovePlace = z.strictObject({
  target: z.string().max(64),
  phase: z.enum(['copy', 'sweep']),
  tenant: z.string().max(64),
  after: z.uuid(),
  /** How often everything was gone through, and what was missing this time. */
  pass: z.int().min(1).max(100),
  missing: z.int().nonnegative(),
})
export type MovePlace = z.infer<typeof MovePlace>

/** `POST /v1/memories/migrate` */
export const MemoryMove = z.strictObject({
  /** From the answer before; null begins, or goes on where somebody was stopped. */
  place: MovePlace.nullable().default(null),
  /** Make all vectors anew, though the collection has the layout of today. */
  renew: z.boolean().default(false),
  /** Take the collections away that were left. */
  drop_old: z.boolean().default(false),
  limit: z.int().min(1).max(MAX_STEP).default(USUAL_STEP),
})

/** One step of a move. */
export const MoveStep = z.strictObject({
  /** `ready`: all is copied, and the first collection may be dropped to let the copy take over. */
  phase: z.enum(['copy', 'sweep', 'ready', 'done']),
  from: z.string().nullable(),
  to: z.string(),
  /** Memories to copy, said when it begins. */
  held: z.int().nonnegative().nullable(),
  /** Memories of this step that were there already. */
  passed: z.int().nonnegative(),
  /** Memories that this step copied. */
  written: z.int().nonnegative(),
  place: MovePlace.nullable(),
  /** Collections that were left, and may be dropped. */
  left: z.array(z.string()).optional(),
  dropped: z.array(z.string()).optional(),
})
export type MoveStep = z.infer<typeof MoveStep>
