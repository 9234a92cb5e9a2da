/** The tables of what agents remember (see tables.ts). */
import type { Generated } from 'kysely'

import type { Digits, Json, Time } from './column-types.ts'

export type MemoryShelves = {
  tenant_id: string
  agent_id: string
  revision: Generated<Digits>
  held: Generated<number>
}

export type Memories = {
  tenant_id: string
  id: string
  agent_id: string
  kind: string
  content: string
  tags: string[]
  at: Time
  label: string
  sources: Json
  goal_id: string | null
  task_id: string | null
  importance: number
  expires_at: Time | null
  keep_rank: number
  revision: Digits
  embedder: string
  vector: Buffer
  words: string
}

export type MemoryOutbox = {
  tenant_id: string
  id: string
  memory: Json
  created_at: Generated<Time>
  failures: Generated<number>
  run_at: Generated<Time>
  fault: string | null
}

export type MemoryLabels = {
  tenant_id: string
  id: string
  label: string
}
