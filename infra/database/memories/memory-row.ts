import { Memory } from '@chimera/contracts/judging/memory'

export type MemoryRow = {
  id: string
  agent_id: string
  kind: string
  content: string
  relevance_tags: string[]
  timestamp: Date
  label: string
  sources: unknown
  goal_id: string | null
  task_id: string | null
  importance: number
  expires_at: Date | null
}

export const MEMORY_COLUMNS = `id, agent_id, kind, content, tags AS relevance_tags,
  at AS timestamp, label, sources, goal_id, task_id, importance, expires_at`

/** What time has forgotten is there until somebody writes, and shown to nobody. */
export const IS_KEPT = '(expires_at IS NULL OR expires_at > now())'

export const memoryOf = (row: MemoryRow): Memory =>
  Memory.parse({
    ...row,
    timestamp: row.timestamp.toISOString(),
    expires_at: row.expires_at?.toISOString() ?? null,
  })
